/**
 * Second looks: some of what was rejected or rated low goes to a person all the same, drawn so that nobody can steer it.
 *
 *   record rejected ──▶ drawn? ──▶ open ──▶ verdict(s), blind to each other ──▶ stands
 *                                                     └─ one says no ─────────▶ reopened, there and then
 */
import { createHmac } from 'node:crypto';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as inTransaction } from '../store/decide.ts';
import type { Vault } from '../store/vault.ts';
import { type Agreement, agreementOf, type PersonsVerdict } from './agreement.ts';
import { createDraw, type Draw, KINDS, type Kind } from './sample.ts';
import {
  createSecondLookStore,
  type LookRow,
  type SecondLookId,
  type SecondLookSettings,
} from './second-look-store.ts';

/** What is looked at again: told to a person who decides, and put back to work where it was wrong. */
export interface Looked {
  /** Ids of records of this kind that a machine has put aside, as far as they are drawn. */
  readonly list: (isDrawn: (id: string) => boolean) => Promise<readonly string[]>;
  /** For the person: what the record says and why it was put aside. Undefined where it is gone. */
  readonly show: (id: string) => Promise<Readonly<Record<string, unknown>> | undefined>;
  /** In the transaction of the verdict. Tells what was done; undefined where it cannot be. */
  readonly reopen: (tx: Transaction, id: string, by: Reopening) => Promise<string | undefined>;
}

export interface Reopening {
  readonly actor: string;
  /** Of a low verdict: how bad the person finds it. */
  readonly severity?: string | undefined;
}

export interface SecondLookParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive' | 'sealUnder' | 'openUnder'>;
  readonly kinds: Readonly<Record<Kind, Looked>>;
}

export interface Word {
  readonly person: string;
  readonly verdict: PersonsVerdict;
  readonly note: string;
  readonly severity?: string | undefined;
}

export type LookRefusal =
  | { readonly kind: 'no-such-look' }
  | { readonly kind: 'decided' }
  | { readonly kind: 'said-already'; readonly person: string }
  | { readonly kind: 'cannot-reopen' };

export interface Decision {
  /** Null while another person's verdict is awaited. */
  readonly outcome: LookRow['outcome'];
  readonly done: string | null;
}

export interface Figures {
  readonly perThousand: number;
  readonly kinds: readonly ({ readonly kind: Kind; readonly waiting: number } & Agreement)[];
}

export type SecondLooks = ReturnType<typeof createSecondLooks>;

const NOTE_USE = 'secondlook/note';
const RECORD_USE = 'secondlook/record';
const ID_BYTES = 16;
/** Published figures of a kind name at least so many verdicts: fewer could be told apart. */
export const FEWEST_PUBLISHED = 10;

export function createSecondLooks(parts: SecondLookParts) {
  const { database, vault } = parts;
  return {
    /** Draws what was put aside since; how many are new. Drawing again draws the same. */
    async draw(): Promise<number> {
      const { perThousand, persons } = await createSecondLookStore(database).settings();
      const isDrawn: Draw = createDraw(vault.derive('secondlook/draw'), perThousand);
      let fresh = 0;
      for (const kind of KINDS) {
        for (const record of await parts.kinds[kind].list((id) => isDrawn(kind, id))) {
          const id = idOf(vault, kind, record);
          const sealedRecord = vault.sealUnder(RECORD_USE, Buffer.from(record), id);
          if (await createSecondLookStore(database).insert({ id, kind, sealedRecord, persons })) fresh += 1;
        }
      }
      return fresh;
    },

    open: (): Promise<readonly LookRow[]> => createSecondLookStore(database).listOpen(),

    /** The record, and never what another person said of it. Undefined where there is no such look, or no record more. */
    async show(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
      const row = await createSecondLookStore(database).find(id);
      return row && (await parts.kinds[row.kind].show(recordOf(vault, row)));
    },

    decide: (id: string, word: Word): Promise<Result<Decision, LookRefusal>> =>
      inTransaction(database, (tx) => keepWord(tx, parts, id, word)),

    /** What was said of a look that is decided; undefined before. */
    async words(id: string): Promise<readonly Omit<Word, 'severity'>[] | undefined> {
      const store = createSecondLookStore(database);
      const row = await store.find(id);
      if (!row?.outcome) return undefined;
      return (await store.verdictsOf(row.id)).map(({ person, verdict, note }) => ({
        ...{ person, verdict },
        note: vault.openUnder(NOTE_USE, note, `${row.id} ${person}`).toString('utf8'),
      }));
    },

    figures: async (): Promise<Figures> => figuresOf(createSecondLookStore(database)),

    /** What may be told to everybody: no kind of which too little was decided. */
    async publicFigures(): Promise<string> {
      const { perThousand, kinds } = await figuresOf(createSecondLookStore(database));
      const told = kinds.filter(({ withMachine }) => withMachine.of >= FEWEST_PUBLISHED);
      return `${JSON.stringify({ perThousand, kinds: told.map(({ waiting: _, ...rest }) => rest) }, null, 2)}\n`;
    },

    settings: (): Promise<SecondLookSettings> => createSecondLookStore(database).settings(),
    setSettings: (settings: SecondLookSettings): Promise<void> =>
      createSecondLookStore(database).saveSettings(settings),
  };
}

type Sealing = SecondLookParts['vault'];

/** The same record always has the same, and nobody without the key can tell which record it is of. */
function idOf(vault: Pick<Sealing, 'derive'>, kind: Kind, record: string): SecondLookId {
  const digest = createHmac('sha256', vault.derive('secondlook/id')).update(`${kind}\0${record}`).digest();
  return `second_${digest.subarray(0, ID_BYTES).toString('hex')}`;
}

const recordOf = (vault: Pick<Sealing, 'openUnder'>, { id, sealedRecord }: LookRow): string =>
  vault.openUnder(RECORD_USE, sealedRecord, id).toString('utf8');

async function keepWord(
  tx: Transaction,
  { vault, kinds }: SecondLookParts,
  id: string,
  { person, verdict, note, severity }: Word,
): Promise<Result<Decision, LookRefusal>> {
  const store = createSecondLookStore(tx);
  const row = await store.lock(id);
  if (!row) return refuse({ kind: 'no-such-look' });
  if (row.outcome !== null) return refuse({ kind: 'decided' });
  const sealed = vault.sealUnder(NOTE_USE, Buffer.from(note), `${row.id} ${person}`);
  if (!(await store.addVerdict(row.id, { person, verdict, note: sealed }))) {
    return refuse({ kind: 'said-already', person });
  }
  const verdicts = await store.verdictsOf(row.id);
  if (verdicts.length < row.persons) return ok({ outcome: null, done: null });
  // One voice is enough to look at it anew: what was put aside wrongly costs more than a second try.
  const outcome = verdicts.every((each) => each.verdict === 'stands') ? 'stands' : 'reopened';
  const reopen = kinds[row.kind].reopen;
  const done = outcome === 'stands' ? null : await reopen(tx, recordOf(vault, row), { actor: person, severity });
  if (done === undefined) return refuse({ kind: 'cannot-reopen' });
  await store.settle(row.id, outcome);
  return ok({ outcome, done });
}

async function figuresOf(store: ReturnType<typeof createSecondLookStore>): Promise<Figures> {
  const [{ perThousand }, decided, waiting] = [await store.settings(), await store.decided(), await store.waiting()];
  return {
    perThousand,
    kinds: KINDS.map((kind) => ({
      ...{ kind, waiting: waiting[kind] ?? 0 },
      ...agreementOf(decided.filter((each) => each.kind === kind)),
    })),
  };
}
