/**
 * The mailbox that answers and receipts arrive in: a Maildir, as mail servers and fetchers write it. Nothing in it is
 * changed; a message that was read before is known by its hash.
 */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

export type Mailbox = ReturnType<typeof createMailbox>;

/** Of one message. Longer ones are not read. */
export const MAX_MAIL_BYTES = 5 << 20;
/** The newest ones; older mail is taken as read. */
const MAX_MESSAGES = 2_000;
/** Headers, and the report part of a receipt. */
const SEARCHED_BYTES = 256 << 10;

export function createMailbox({ directory }: { readonly directory: string }) {
  const given = new Set<string>();
  return {
    /** Whether any message names this one: an answer, a receipt, a copy. Throws where the directory cannot be read. */
    async shows(marker: string): Promise<boolean> {
      const wanted = Buffer.from(marker.replaceAll(/[<>]/g, ''));
      for (const file of await newestFiles(directory)) if ((await readStart(file)).includes(wanted)) return true;
      return false;
    },

    /** Those of the newest messages that this mailbox has not given yet, the oldest first. */
    async *messages(): AsyncGenerator<Buffer> {
      for (const file of (await newestFiles(directory)).toReversed()) {
        // A reader moves a message and flags it, but keeps what its name begins with.
        const name = basename(file).split(':')[0] ?? file;
        if (given.has(name) || (await stat(file)).size > MAX_MAIL_BYTES) continue;
        yield await readFile(file);
        given.add(name);
      }
    },
  };
}

async function newestFiles(directory: string): Promise<readonly string[]> {
  const found: { readonly file: string; readonly at: number }[] = [];
  for (const folder of ['new', 'cur']) {
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
      const file = join(directory, folder, entry.name);
      if (entry.isFile() && !entry.name.startsWith('.')) found.push({ file, at: (await stat(file)).mtimeMs });
    }
  }
  return found
    .sort((left, right) => right.at - left.at)
    .slice(0, MAX_MESSAGES)
    .map(({ file }) => file);
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SEARCHED_BYTES), 0, SEARCHED_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
