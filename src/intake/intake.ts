/**
 * Reports from anywhere: read, screened, compared, kept. What came in is canonical, merged or rejected, each with its
 * reason, and what it came in as can be had back to the byte.
 */
import { createHash, createHmac } from 'node:crypto';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { createChunks, type Decided, type Prepared, takeTurn } from './chunk-service.ts';
import { type DecryptionKeys, NO_KEYS } from './decryption.ts';
import { createFates } from './fate-service.ts';
import { type Counts, createImportStore, type ImportId, type Origin, type StoredImport } from './import-store.ts';
import { aboutContext, createLooks } from './look-service.ts';
import { type FileRefusal, MERGES, type Merge, type Piece, REJECTIONS, type Reading, type Source } from './piece.ts';
import { type Format, readAs } from './readers.ts';

export interface IntakeParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly random: RandomBytes;
}

export interface Imported extends Counts {
  readonly id: ImportId;
  readonly name: string;
  readonly format: string;
  readonly received: number;
  /** Why nothing of it could be taken as a finding. */
  readonly refused: string | undefined;
  /** One line for each kind of fate that is not canonical, with how many. */
  readonly reasons: readonly string[];
}

export interface ImportOptions {
  readonly format: Format | 'auto';
  readonly origin: Origin;
  /** For reports encrypted to this installation. */
  readonly keys?: DecryptionKeys;
  /** What is known of how it came, to be kept sealed with it. */
  readonly notes?: readonly string[];
}

/** Records decided in one transaction, and bytes of them held meanwhile. */
const CHUNK_RECORDS = 1_000;
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Of one file. */
const MAX_FILE_BYTES = 2 * 1024 ** 3;
const KEPT_OF_LARGER_BYTES = 1024 * 1024;
const IMPORT_USE = 'intake/import';

export type Intake = ReturnType<typeof createIntake>;

export function createIntake(parts: IntakeParts) {
  const { database, vault, random } = parts;
  const chunks = createChunks(parts);

  async function begin(source: Source, reading: Reading, origin: Origin, digest: string): Promise<StoredImport> {
    const identity = createHmac('sha256', vault.derive(IMPORT_USE)).update(`${reading.format}\0${digest}`).digest();
    return await database.transaction(async (tx) => {
      await takeTurn(tx);
      const imports = createImportStore(tx);
      const known = await imports.findByIdentity(identity);
      if (known) return known;
      const id = createId('import', random);
      const keyId = await vault.createKey(tx, id);
      const about = { name: source.name, bytes: source.bytes, sha256: digest, notes: reading.notes };
      const sealedAbout = await vault.sealJson(tx, keyId, about, aboutContext(id));
      await imports.insert({ id, keyId, identity, format: reading.format, source: origin, sealedAbout });
      const made = await imports.findByIdentity(identity);
      if (!made) throw new Error(`the import ${id} was not kept`);
      return made;
    });
  }

  async function decideAll(source: Source, reading: Reading, to: StoredImport, tally: Tally): Promise<void> {
    const where = { importId: to.id, keyId: to.keyId, source };
    let ordinal = 0;
    let chunk: Prepared[] = [];
    let bytes = 0;
    // The next chunk is read while this one is written.
    let writing: Promise<void> = Promise.resolve();
    const write = async (): Promise<void> => {
      await writing;
      const full = chunk;
      chunk = [];
      bytes = 0;
      writing = chunks.decide(full, where).then((decided) => tally.add(decided));
      // Its failure is told by whoever waits for it next.
      writing.catch(() => {});
    };
    try {
      for await (const piece of reading.pieces) {
        chunk.push(await chunks.prepare(piece, ordinal, reading.format, source));
        ordinal += 1;
        bytes += piece.bytes?.length ?? 0;
        if (chunk.length >= CHUNK_RECORDS || bytes >= CHUNK_BYTES) await write();
      }
      if (chunk.length > 0) await write();
    } finally {
      await writing;
    }
  }

  return {
    ...createLooks(parts),
    ...createFates(parts),

    /**
     * Takes a file in. The same bytes again change nothing: every record of theirs counts as merged. Killed at any time, it
     * goes on when it is imported again.
     */
    async importFrom(source: Source, { format, origin, keys = NO_KEYS, notes = [] }: ImportOptions): Promise<Imported> {
      const digest = await sha256Of(source);
      const read = await readWhole(source, format, keys);
      const reading = { ...read, notes: [...read.notes, ...notes] };
      const to = await begin(source, reading, origin, digest);
      const tally = createTally(reading);
      if (to.finishedAt) tally.addKnown(to.received);
      else {
        await decideAll(source, reading, to, tally);
        if ((await sha256Of(source)) !== digest) {
          throw new Error(`${source.name} changed while it was read; import it again when it is whole`);
        }
        await createImportStore(database).finish(to.id, reading.refusal?.reason);
      }
      return { id: to.id, name: source.name, format: reading.format, refused: reading.refusal?.detail, ...tally.sum() };
    },
  };
}

/** A file that cannot be read is one record: all of it, rejected. */
async function readWhole(source: Source, format: Format | 'auto', keys: DecryptionKeys): Promise<Reading> {
  const tooLarge: FileRefusal = {
    reason: 'file-too-large',
    detail: `${source.bytes} bytes; the limit is ${MAX_FILE_BYTES} bytes. Split it; only its start is kept`,
  };
  const read = source.bytes > MAX_FILE_BYTES ? tooLarge : await readAs(source, format, keys);
  if (!('reason' in read)) return read;
  const to = Math.min(source.bytes, source.bytes > MAX_FILE_BYTES ? KEPT_OF_LARGER_BYTES : MAX_FILE_BYTES);
  const piece: Piece = { from: 0, to, bytes: undefined, claim: undefined, rejection: read };
  return {
    format: 'unread',
    notes: [],
    refusal: read,
    pieces: (async function* () {
      yield piece;
    })(),
  };
}

async function sha256Of(source: Source): Promise<string> {
  const digest = createHash('sha256');
  const isWhole = source.bytes <= MAX_FILE_BYTES;
  if (!isWhole) digest.update(`the start of ${source.bytes} bytes\0`);
  for await (const chunk of source.read(0, isWhole ? source.bytes : KEPT_OF_LARGER_BYTES)) digest.update(chunk);
  return digest.digest('hex');
}

type Tally = ReturnType<typeof createTally>;

function createTally({ notes, refusal }: Reading) {
  const sum = { canonical: 0, merged: 0, rejected: 0, known: 0 };
  const reasons = new Map<string, number>();
  const say = (line: string, count: number): void => void reasons.set(line, (reasons.get(line) ?? 0) + count);
  const addKnown = (count: number): void => {
    sum.merged += count;
    sum.known += count;
    if (count > 0) say(`merged, known: ${MERGES.known}`, count);
  };
  return {
    addKnown,
    add({ counts, fates }: Decided): void {
      sum.canonical += counts.canonical;
      sum.rejected += counts.rejected;
      sum.merged += counts.merged - counts.known;
      addKnown(counts.known);
      for (const { fate } of fates) {
        if (fate.fate === 'merged') say(`merged, ${fate.reason}: ${MERGES[fate.reason satisfies Merge]}`, 1);
        if (fate.fate === 'rejected' && !refusal) say(`rejected, ${fate.reason}: ${REJECTIONS[fate.reason]}`, 1);
      }
    },
    sum() {
      const told = [...reasons].map(([line, count]) => `${count} ${line}`);
      if (refusal) told.unshift(`${sum.rejected} rejected, ${refusal.reason}: ${refusal.detail}`);
      return { ...sum, received: sum.canonical + sum.merged + sum.rejected, reasons: [...told, ...notes] };
    },
  };
}
