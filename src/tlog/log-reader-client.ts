/**
 * Logs to be verified, in a directory or behind http(s). Everything that comes from there is hostile: each file has a
 * limit in bytes and in time, links are not followed, redirects neither.
 */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogReader } from './audit.ts';
import { TILE_FOLDER } from './tile.ts';

const FETCH_TIMEOUT_MS = 30_000;
const MAX_LISTED_FILES = 5_000_000;
const MAX_DEPTH = 12;

/** The place cannot be read, so nothing can be said about the log. */
export class LogUnreadable extends Error {
  override readonly name = 'LogUnreadable';
}

export function isUrl(target: string): boolean {
  return /^https?:\/\//i.test(target);
}

/** Undefined where there is no such directory. */
export async function openLogDirectory(directory: string): Promise<LogReader | undefined> {
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory()) return undefined;
  return {
    read: (path, maxBytes) => readLimited(join(directory, path), maxBytes),
    list: () => listFiles(join(directory, TILE_FOLDER), `${TILE_FOLDER}/`),
  };
}

export function openLogUrl(url: string): LogReader {
  const base = url.endsWith('/') ? url : `${url}/`;
  return { read: (path, maxBytes) => fetchLimited(new URL(path, base), maxBytes) };
}

/** One file, at most `maxBytes` long; undefined where there is none. Throws LogUnreadable for anything else. */
export async function readLimited(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    // O_NONBLOCK: a named pipe planted in the tree must not hold us for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size, isFile } = await handle.stat().then((it) => ({ size: it.size, isFile: it.isFile() }));
      if (!isFile) throw new LogUnreadable(`${path} is not a regular file`);
      if (size > maxBytes) throw new LogUnreadable(`${path} has ${size} bytes; at most ${maxBytes} make sense`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof LogUnreadable) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new LogUnreadable(`${path} cannot be read (${code})`, { cause: error });
  }
}

/** Every file below `folder`, sorted, each behind `prefix`. Empty where there is no such folder. */
export async function listFiles(folder: string, prefix: string, depth = 0): Promise<string[]> {
  if (depth > MAX_DEPTH) throw new LogUnreadable(`${folder} is nested deeper than a log can be`);
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new LogUnreadable(`${folder} cannot be listed (${error.code})`, { cause: error });
  });
  const files: string[] = [];
  for (const entry of found.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) {
      for (const file of await listFiles(join(folder, entry.name), `${name}/`, depth + 1)) files.push(file);
    } else files.push(name);
    if (files.length > MAX_LISTED_FILES) throw new LogUnreadable(`${folder} holds more than ${MAX_LISTED_FILES} files`);
  }
  return files;
}

/** One resource, at most `maxBytes` after decoding; undefined for 404 and 410. */
export async function fetchLimited(url: URL, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (response.status === 404 || response.status === 410) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status !== 200 || !response.body) throw new LogUnreadable(`${url} answers ${response.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body) {
      length += chunk.length;
      if (length > maxBytes) throw new LogUnreadable(`${url} sends more than the ${maxBytes} bytes that make sense`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof LogUnreadable) throw error;
    throw new LogUnreadable(`${url} cannot be fetched`, { cause: error });
  }
}
