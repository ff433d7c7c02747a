/** Heads of journals in the public log, and the key that signs receipts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { Database } from '../store/database.ts';
import {
  createVerifierKey,
  ED25519,
  formatVerifierKey,
  openKeyFile,
  readEntry,
  type Tlog,
  verifyLog,
} from '../tlog/index.ts';
import type { Head } from './commit-service.ts';
import type { GatewayId } from './receipt.ts';

const KEY_NAME = 'receipts';

/** For `openJournal`: promises a head to the public log. */
export function createHeadSayer({
  database,
  log,
}: {
  readonly database: Database;
  readonly log: Pick<Tlog, 'append'>;
}) {
  return ({ gateway, batch, chain }: Head): Promise<void> =>
    database.transaction(async (tx) => {
      const entry = await log.append(tx, { type: 'journal-head', gateway, batch, chain });
      if (!entry.ok) throw new Error(`the head of ${gateway} is refused by the log: ${entry.refusal.kind}`);
    });
}

export const receiptKeyPath = (home: string): string => join(home, 'public', `${KEY_NAME}.pub`);

/** The key of this installation, made on first use; its public half lies in `public/receipts.pub`. */
export async function openReceiptKey(home: string): Promise<Ed25519Signer> {
  const path = receiptKeyPath(home);
  const known = await readFile(path, 'utf8').catch(() => undefined);
  const signer = await openKeyFile(home, KEY_NAME, known === undefined);
  const text = `${formatVerifierKey(createVerifierKey(KEY_NAME, ED25519, signer.publicKey))}\n`;
  if (known === undefined) await writeFile(path, text, { mode: 0o644 });
  else if (known !== text) throw new Error(`keys/${KEY_NAME}.key is not the key of ${path}. Put the right file back.`);
  return signer;
}

/** Statement in the public log: the journal of a gateway up to a batch is removed, its time being over. */
export const FORGOTTEN = 'headstart/journal-forgotten/v1';

export interface LoggedJournals {
  readonly heads: readonly Head[];
  /** Up to where journals are said to be removed. */
  readonly forgotten: readonly Head[];
}

/** What a log holds of journals; undefined where there is no log. Throws where the log does not verify. */
export async function readLoggedJournals(directory: string): Promise<LoggedJournals | undefined> {
  const heads: Head[] = [];
  const forgotten: Head[] = [];
  const report = await verifyLog(directory, {}, (_index, body) => {
    const entry = readEntry(body);
    const said = entry.ok ? entry.value.statement : undefined;
    if (said?.type === 'journal-head') {
      heads.push({ gateway: said.gateway as GatewayId, batch: said.batch, chain: said.chain });
    } else if (said?.type === 'statement' && said.predicateType === FORGOTTEN) {
      const { batch, chain } = said.facts;
      forgotten.push({ gateway: said.subject as GatewayId, batch: Number(batch), chain: String(chain) });
    }
  });
  if (report.ok) return { heads, forgotten };
  if (report.refusal.kind === 'no-log') return undefined;
  throw new Error(`the log in ${directory} does not verify: ${report.refusal.kind}`);
}
