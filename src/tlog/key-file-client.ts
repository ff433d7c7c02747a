/** Private keys as files below `<HOME>/keys`: made on first use, 0600, and never overwritten. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Ed25519Signer, generateEd25519Pem, readEd25519Pem } from '../lib/ed25519.ts';

/** Reads the key, or makes it if there is none and `mayCreate`. Of two processes that make one at once, one wins. */
export async function openKeyFile(home: string, name: string, mayCreate: boolean): Promise<Ed25519Signer> {
  const path = join(home, 'keys', `${name}.key`);
  const pem = (await readPrivate(path)) ?? (mayCreate ? await createKeyFile(path) : undefined);
  if (pem === undefined) {
    throw new Error(
      `${path} is missing; what was signed with it cannot go on without. Put the file back from your own safe copy.`,
    );
  }
  try {
    return readEd25519Pem(pem);
  } catch (cause) {
    throw new Error(`${path} does not hold an Ed25519 private key (PKCS #8 PEM)`, { cause });
  }
}

async function readPrivate(path: string): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return undefined;
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} can be read by others; run chmod 600 on it`);
  return readFile(path, 'utf8');
}

async function createKeyFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(generateEd25519Pem());
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // A link fails where a rename would replace the winner's key.
    await link(temporary, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync();
    await folder.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return readFile(path, 'utf8');
}
