/** Files that a person names on the command line: read whole, or the command ends and says what is wrong with them. */
import { readFile, stat } from 'node:fs/promises';
import { CommandEnd } from './terminal.ts';

/** Of a file that is read whole, where its reader names no other. */
const MAX_FILE_BYTES = 64 * 1_048_576;

/** Ends the command as not found (4) where there is no such file, as failed (1) where it cannot be read. */
export function endUnreadable(file: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  throw new CommandEnd(
    code === 'ENOENT' ? 'notFound' : 'failed',
    `${file} cannot be read: ${code ?? 'unknown reason'}`,
  );
}

export async function readFileBytes(file: string, maxBytes = MAX_FILE_BYTES): Promise<Buffer> {
  const bytes = await readUpTo(file, maxBytes).catch((error) => endUnreadable(file, error));
  if (bytes === undefined) throw new CommandEnd('usage', `${file} is longer than ${maxBytes} bytes`);
  return bytes;
}

export const readFileText = async (file: string, maxBytes?: number): Promise<string> =>
  (await readFileBytes(file, maxBytes)).toString('utf8');

async function readUpTo(file: string, maxBytes: number): Promise<Buffer | undefined> {
  if ((await stat(file)).size > maxBytes) return undefined;
  return await readFile(file);
}
