/** The files of the probe that run inside the sandbox, as plain JavaScript, and a version that names exactly them. */
import { readdir, readFile } from 'node:fs/promises';
import { sha256Hex } from '../lib/hash.ts';
import { toPlainScript } from '../lib/inside.ts';

export interface StagedFile {
  /** Relative to the working directory: `probe/<file>-inside.mjs`. */
  readonly path: string;
  readonly content: string;
}

export interface Engine {
  readonly files: readonly StagedFile[];
  /** SHA-256 over everything that decides what a search finds. */
  readonly version: string;
}

const PROBE = new URL('../probe/', import.meta.url);
const FINDER = new URL('./', import.meta.url);

async function sourcesIn(directory: URL): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(new URL(name, directory), 'utf8') })));
}

export async function loadEngine(): Promise<Engine> {
  const probe = await sourcesIn(PROBE);
  const finder = await sourcesIn(FINDER);
  const files = probe
    .filter(({ name }) => name.endsWith('-inside.ts'))
    .map(({ name, text }) => ({ path: `probe/${name.replace(/\.ts$/, '.mjs')}`, content: toPlainScript(text) }));
  return { files, version: sha256Hex(JSON.stringify([...probe, ...finder])) };
}
