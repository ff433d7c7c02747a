/** Where the outside vectors lie. Tests that need them are skipped, visibly, on a machine without them. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared');
const root = join(shared, 'vectors');

export const sharedPath = (path: string): string => join(shared, path);

export const vectorFiles = (pattern: string): string[] => globSync(join(root, pattern)).sort();

export const readVector = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

export const vectorPath = (path: string): string => join(root, path);

/** For `test(name, needs('cvss'), …)`. */
export function needs(folder: string): { readonly skip: string | false } {
  return { skip: existsSync(join(root, folder)) ? false : `no vectors at ${folder}` };
}
