/**
 * The log of this installation: takes promises, turns them into leaves, signs heads and writes the public files.
 *
 *   caller's transaction      sequence(), one at a time        publication, one at a time
 *   append ─▶ row ───────────▶ leaf + edge + signed head ────▶ tiles, then checkpoint
 *             promised          committed together               can be repeated and rebuilt
 *
 * A head is signed and stored before it is published, and never published before that is committed: a process killed
 * anywhere leaves either a head nobody has seen or one that the database holds. Two heads of one size cannot exist.
 */
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { RandomBytes } from '../lib/id.ts';
import { edgeRoot, extendEdge } from '../lib/merkle.ts';
import type { Result } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { formatCheckpointBody, isOrigin } from './checkpoint.ts';
import type { EntryId } from './entry.ts';
import { createEntryStore, type EntryPlace } from './entry-store.ts';
import { createHeadStore, type UpperNode } from './head-store.ts';
import { type AppendRefusal, createIssuing, type Said } from './issuing-service.ts';
import { openKeyFile } from './key-file-client.ts';
import { createKnownHeads, KNOWN_HEADS_FOLDER } from './known-heads-client.ts';
import { createLogDirectory } from './log-directory-client.ts';
import { createVerifierKey, ED25519, formatNote, formatVerifierKey, signNote, type VerifierKey } from './note.ts';
import { createPublication } from './publication-service.ts';
import { addSequenceJob } from './sequence-job.ts';
import { issuerName } from './statement-audit.ts';
import { TILE_HEIGHT } from './tile.ts';

export interface TlogOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** The data directory. Keys go below `keys/`, the log below `public/log/`. */
  readonly home: string;
  /** Names the log for ever; chosen on first use. */
  readonly origin?: string | undefined;
  /** Adds a job to each promise that makes it a leaf; whoever asks for it runs `createSequenceJobs`. */
  readonly sequenceByJob?: boolean | undefined;
}

/** Leaves signed for in one step. */
const BATCH_LIMIT = 4_096;

export type Tlog = Awaited<ReturnType<typeof createTlog>>;

/** Opens the log, or founds it: keys, identity, and the entry that names the issuer's key. */
export async function createTlog(options: TlogOptions) {
  const { database, clock, random, home } = options;
  const founded = await createHeadStore(database).find();
  const origin = founded?.origin ?? options.origin ?? `headstart.local/${Buffer.from(random(8)).toString('hex')}`;
  if (!isOrigin(origin)) throw new Error(`"${origin}" cannot name a log: no spaces, no plus, at most 255 characters`);

  const directory = createLogDirectory({ home, directory: join(home, 'public', 'log') });
  // Asked again after the look: another process may just have founded it.
  if (!founded && (await directory.readCheckpoint()) && !(await createHeadStore(database).find())) {
    throw new Error(
      `${directory.directory} holds a log that this database knows nothing of. ` +
        'Restore the backup of its database, or move the directory away to found a new log.',
    );
  }
  const logSigner = await openKeyFile(home, 'log', founded === undefined);
  const issuer = await openKeyFile(home, 'issuer', founded === undefined);
  const { append, appendAll, seal, open } = createIssuing({
    clock,
    random,
    issuer,
    onPromise: options.sequenceByJob ? addSequenceJob : undefined,
  });
  const logKey = await foundLog({ database, origin, logSigner, issuer, append });
  const publication = createPublication({ database, directory, logKey });
  const sequenceBatch = createSequencer({
    database,
    clock,
    logKey,
    logSigner,
    assertNotBehind: publication.assertNotBehind,
  });
  await publication.writeKeys();
  const knownHeads = createKnownHeads(join(home, KNOWN_HEADS_FOLDER));

  /** Turns every promised entry into a leaf and publishes the new head. Safe to call at any time, from any process. */
  async function sequence(): Promise<{ readonly size: number; readonly appended: number }> {
    let appended = 0;
    for (;;) {
      const count = await sequenceBatch();
      appended += count;
      const { size, head } = await publication.publish();
      // Whoever verifies on this machine is told at once if someone puts an older state in its place.
      if (head) await knownHeads.remember(head, logKey);
      if (count < BATCH_LIMIT) return { size, appended };
    }
  }

  return {
    origin: logKey.name,
    /** The key that strangers need, as in `public/log.pub`. */
    logKey,
    issuerKey: createVerifierKey(issuerName(logKey.name), ED25519, issuer.publicKey),
    directory: directory.directory,
    append,
    appendAll,
    seal,
    open,
    sequence,
    /** The newest head: number of leaves, root in base64 as the checkpoint has it. */
    async head(): Promise<{ readonly size: number; readonly root: string }> {
      const state = await createHeadStore(database).find();
      if (!state) throw new Error('there is no log in this database');
      return { size: state.edge.size, root: Buffer.from(edgeRoot(state.edge)).toString('base64') };
    },
    /** Writes all public files anew from the database. */
    rebuild: publication.rebuild,
    findEntry: (id: string): Promise<EntryPlace | undefined> => createEntryStore(database).find(id),
    countPending: (): Promise<number> => createEntryStore(database).countPending(),
  };
}

/** Makes the log's one row and its first entry, or checks that the keys at hand are those of the log. */
async function foundLog({
  database,
  origin,
  logSigner,
  issuer,
  append,
}: {
  readonly database: Database;
  readonly origin: string;
  readonly logSigner: Ed25519Signer;
  readonly issuer: Ed25519Signer;
  readonly append: (tx: Transaction, said: Said) => Promise<Result<EntryId, AppendRefusal>>;
}): Promise<VerifierKey> {
  const keysOf = (name: string) => ({
    logKey: formatVerifierKey(createVerifierKey(name, ED25519, logSigner.publicKey)),
    issuerKey: formatVerifierKey(createVerifierKey(issuerName(name), ED25519, issuer.publicKey)),
  });
  await database.transaction(async (tx) => {
    const keys = keysOf(origin);
    if (!(await createHeadStore(tx).create({ origin, ...keys }))) return;
    const first = await append(tx, { type: 'key', role: 'issuer', vkey: keys.issuerKey });
    if (!first.ok) throw new Error(`the first entry of the log is refused: ${first.refusal.kind}`);
  });
  const log = await createHeadStore(database).find();
  if (!log) throw new Error('there is no log in this database');
  const keys = keysOf(log.origin);
  if (keys.logKey !== log.logKey || keys.issuerKey !== log.issuerKey) {
    throw new Error(
      `keys/log.key or keys/issuer.key is not the key of the log ${log.origin}. Put the right files back.`,
    );
  }
  return createVerifierKey(log.origin, ED25519, logSigner.publicKey);
}

function createSequencer({
  database,
  clock,
  logKey,
  logSigner,
  assertNotBehind,
}: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logKey: VerifierKey;
  readonly logSigner: Ed25519Signer;
  readonly assertNotBehind: (tx: Transaction) => Promise<void>;
}) {
  /** Leaves, edge, nodes and signed head are one transaction. Gives the number of new leaves. */
  return function sequenceBatch(): Promise<number> {
    return database.transaction(async (tx) => {
      const heads = createHeadStore(tx);
      const entries = createEntryStore(tx);
      const { edge: before } = await heads.lock();
      const pending = await entries.pending(BATCH_LIMIT);
      if (pending.length === 0) return 0;
      await assertNotBehind(tx);
      const nodes: UpperNode[] = [];
      const leaves = pending.map(({ leaf }) => leaf);
      const edge = extendEdge(before, leaves, (height, index, hash) => {
        if (height > 0 && height % TILE_HEIGHT === 0) nodes.push({ level: height / TILE_HEIGHT, index, hash });
      });
      await entries.assign(
        pending.map(({ position }) => position),
        before.size,
      );
      const root = edgeRoot(edge);
      const text = formatCheckpointBody({ origin: logKey.name, size: edge.size, root });
      const note = formatNote({ text, signatures: [signNote(text, logKey, logSigner)] });
      await heads.grow(edge, nodes, { size: edge.size, root, note }, clock.now());
      return pending.length;
    });
  };
}
