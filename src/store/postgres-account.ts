/**
 * Which account the database server runs under. Postgres refuses to run as root, so root lends it an account that
 * exists already; everyone else runs it as themselves. Also: which paths that account can reach.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from './store-error.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Whether processes and files must be handed to another account than our own. */
  readonly lent: boolean;
}

/** In order of preference; every Linux distribution has one of the last two. */
const LENDABLE = ['postgres', 'daemon', 'nobody'];
/** Sandboxed code runs under these. A database server under one of them could be signalled or traced by it. */
const SANDBOX_UIDS = { from: 64_000, to: 64_999 };

const isSandboxUid = (uid: number): boolean => uid >= SANDBOX_UIDS.from && uid <= SANDBOX_UIDS.to;

/** `dataDirectory` keeps the account it was made for, whatever accounts came or went since. */
export async function chooseAccount(dataDirectory: string, passwdFile = '/etc/passwd'): Promise<Account> {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, lent: false };
  const existing = await stat(dataDirectory).catch(() => undefined);
  if (own.uid !== 0) {
    if (existing && existing.uid !== own.uid) throw wrongOwner(dataDirectory, existing.uid, own.uid);
    return own;
  }
  if (existing && existing.uid !== 0 && !isSandboxUid(existing.uid)) {
    return { uid: existing.uid, gid: existing.gid, lent: true };
  }
  const accounts = parsePasswd(await readFile(passwdFile, 'utf8').catch(() => ''));
  for (const name of LENDABLE) {
    const found = accounts.get(name);
    if (found && found.uid !== 0 && !isSandboxUid(found.uid)) return { ...found, lent: true };
  }
  throw new StoreError(
    'wrong-owner',
    `Postgres does not run as root and ${passwdFile} lists none of ${LENDABLE.join(', ')}. Add one of these accounts, run as a plain user, or set DATABASE_URL.`,
  );
}

function wrongOwner(path: string, owner: number, own: number): StoreError {
  return new StoreError('wrong-owner', `${path} belongs to uid ${owner}, this process runs as uid ${own}.`);
}

function parsePasswd(text: string): Map<string, { uid: number; gid: number }> {
  const accounts = new Map<string, { uid: number; gid: number }>();
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid && /^\d+$/.test(uid) && /^\d+$/.test(gid)) {
      accounts.set(name, { uid: Number(uid), gid: Number(gid) });
    }
  }
  return accounts;
}

const SEARCH_BIT = { owner: 0o100, group: 0o010, other: 0o001 };

/** Whether every directory down to `path` lets the account pass (by mode bits; access lists are not read). */
export async function canReach(account: Account, path: string): Promise<boolean> {
  if (account.uid === 0) return true;
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (!found) return false;
    let needed = SEARCH_BIT.other;
    if (found.uid === account.uid) needed = SEARCH_BIT.owner;
    else if (found.gid === account.gid) needed = SEARCH_BIT.group;
    if ((found.mode & needed) === 0) return false;
    if (dirname(at) === at) return true;
  }
}
