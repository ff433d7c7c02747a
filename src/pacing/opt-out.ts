/**
 * Lists of projects that want no reports, as others keep them: one project a line (`#` begins a comment), or JSON, an array
 * of names or of objects with a `project`. A list is taken whole or refused whole, so that no line of it is lost.
 */
import { nameAsWritten, readPurl, toPurl, withoutVersion } from '../formats/purl.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type OptOutRefusal =
  | { readonly kind: 'too-large'; readonly mostBytes: number }
  | { readonly kind: 'not-a-list'; readonly reason: string }
  | { readonly kind: 'no-project'; readonly line: string };

const MOST_BYTES = 16 * 1024 * 1024;
const LONGEST_NAME = 512;
/** Old names have capitals and `!'()*~`. */
const NPM_NAME = /^(@[\w.~-]+\/)?[\w.~!'()*-]+$/;

export function readOptOutList(text: string): Result<readonly string[], OptOutRefusal> {
  if (Buffer.byteLength(text) > MOST_BYTES) return refuse({ kind: 'too-large', mostBytes: MOST_BYTES });
  const lines = /^\s*[[{]/.test(text) ? jsonLines(text) : ok(plainLines(text));
  if (!lines.ok) return lines;
  const projects = new Set<string>();
  for (const line of lines.value) {
    const project = readProject(line);
    if (project === undefined) return refuse({ kind: 'no-project', line: line.slice(0, 80) });
    projects.add(project);
  }
  return ok([...projects]);
}

/** The name a project goes by: a package URL without version. A bare npm name is one of npm. */
export function readProject(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > LONGEST_NAME) return undefined;
  if (!trimmed.startsWith('pkg:') && !NPM_NAME.test(trimmed)) return undefined;
  const read = readPurl(trimmed.startsWith('pkg:') ? trimmed : `pkg:npm/${trimmed.replace(/^@/, '%40')}`);
  return read.ok ? toPurl(withoutVersion(read.value)) : undefined;
}

/** The project of a target, as it is shown; undefined where it names none. */
export function projectOf(target: string): string | undefined {
  const project = readProject(target);
  return project === undefined ? undefined : projectTitle(project);
}

export const projectTitle = (project: string): string => nameAsWritten(project) ?? project;

const plainLines = (text: string): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');

function jsonLines(text: string): Result<readonly string[], OptOutRefusal> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse({ kind: 'not-a-list', reason: error instanceof Error ? error.message : 'not JSON' });
  }
  if (!Array.isArray(value)) return refuse({ kind: 'not-a-list', reason: 'JSON, but no array' });
  const names: string[] = [];
  for (const each of value) {
    const name: unknown = typeof each === 'object' && each !== null ? (each as { project?: unknown }).project : each;
    if (typeof name !== 'string') return refuse({ kind: 'not-a-list', reason: 'an element names no project' });
    names.push(name);
  }
  return ok(names);
}
