/**
 * The register of sealed findings and what is overdue in it, computed from the log's entries alone.
 *
 *     sealed ──fields──▶ sealed        (until every field is open)
 *       ├──extension──▶ sealed         with a later day and a reason
 *       ├──opening────▶ opened
 *       ├──withdrawal─▶ withdrawn      opened too, as invalid
 *       └──shredding──▶ shredded       can never be opened: overdue for ever
 */
import { fromBase64Url, fromHex } from '../lib/bytes.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { checkFieldOpening, checkFullOpening, type OpeningRefusal } from './commitment.ts';
import type {
  CommitmentId,
  CommitmentStatement,
  ExtensionStatement,
  FieldsStatement,
  OpeningStatement,
  Statement,
  WithdrawalStatement,
} from './entry.ts';
import { FINDING_FIELDS, FINDING_SCHEMA, type FindingField } from './template.ts';

export interface Commitment {
  readonly id: CommitmentId;
  readonly state: 'sealed' | 'opened' | 'withdrawn' | 'shredded';
  readonly schema: string;
  readonly root: Uint8Array;
  /** Index of the entry that sealed it. */
  readonly index: number;
  readonly sealedAt: string;
  /** The day it was first promised for. */
  readonly promised: string;
  /** The day that stands. */
  readonly openedBy: string;
  readonly extensions: number;
  readonly openFields: readonly FindingField[];
  /** When it left `sealed`. */
  readonly endedAt: string | undefined;
}

export interface Overdue {
  readonly commitment: CommitmentId;
  readonly index: number;
  readonly state: 'sealed' | 'shredded';
  readonly promised: string;
  readonly openedBy: string;
  readonly extensions: number;
  /** Days begun since the end of `openedBy`; 0 only for what was shredded before its day. */
  readonly daysOverdue: number;
}

export type RegisterRefusal =
  | OpeningRefusal
  | { readonly kind: 'commitment-repeated'; readonly commitment: CommitmentId }
  | { readonly kind: 'no-such-commitment'; readonly commitment: CommitmentId }
  | { readonly kind: 'commitment-ended'; readonly commitment: CommitmentId; readonly state: string }
  | { readonly kind: 'not-later'; readonly commitment: CommitmentId; readonly openedBy: string };

const DAY_MS = 86_400_000;

/** What `statement` does to the commitment it is about; `undefined` where it is about none. */
export function advanceCommitment(
  current: Commitment | undefined,
  statement: Statement,
  index: number,
): Result<Commitment | undefined, RegisterRefusal> {
  if (!('commitment' in statement)) return ok(current);
  const id = statement.commitment;
  if (statement.type === 'commitment') {
    return current ? refuse({ kind: 'commitment-repeated', commitment: id }) : seal(statement, index);
  }
  if (!current) return refuse({ kind: 'no-such-commitment', commitment: id });
  if (current.state !== 'sealed') return refuse({ kind: 'commitment-ended', commitment: id, state: current.state });
  switch (statement.type) {
    case 'fields':
      return openSome(current, statement);
    case 'extension':
      return extend(current, statement);
    case 'opening':
      return openAll(current, statement, 'opened');
    case 'withdrawal':
      return openAll(current, statement, 'withdrawn');
    case 'shredding':
      return ok({ ...current, state: 'shredded', endedAt: statement.at });
    default:
      return statement satisfies never;
  }
}

function seal(statement: CommitmentStatement, index: number): Result<Commitment, RegisterRefusal> {
  const { schema, openedBy } = statement;
  if (schema !== FINDING_SCHEMA) return refuse({ kind: 'unknown-schema', schema });
  return ok({
    id: statement.commitment,
    state: 'sealed',
    schema,
    root: fromHex(statement.root) ?? new Uint8Array(),
    index,
    sealedAt: statement.at,
    promised: openedBy,
    openedBy,
    extensions: 0,
    openFields: [],
    endedAt: undefined,
  });
}

function openSome(current: Commitment, statement: FieldsStatement): Result<Commitment, RegisterRefusal> {
  const open = new Set(current.openFields);
  for (const opening of statement.fields) {
    const field = checkFieldOpening(current.schema, current.root, opening);
    if (!field.ok) return field;
    open.add(field.value);
  }
  const isAll = open.size === FINDING_FIELDS.length;
  return ok({
    ...current,
    openFields: [...open].sort(),
    ...(isAll && { state: 'opened', endedAt: statement.at }),
  });
}

function extend(current: Commitment, { openedBy }: ExtensionStatement): Result<Commitment, RegisterRefusal> {
  if (openedBy <= current.openedBy) return refuse({ kind: 'not-later', commitment: current.id, openedBy });
  return ok({ ...current, openedBy, extensions: current.extensions + 1 });
}

function openAll(
  current: Commitment,
  statement: OpeningStatement | WithdrawalStatement,
  state: 'opened' | 'withdrawn',
): Result<Commitment, RegisterRefusal> {
  const masterSalt = fromBase64Url(statement.masterSalt) ?? new Uint8Array();
  const opened = checkFullOpening(current.schema, current.root, { values: statement.values, masterSalt });
  if (!opened.ok) return opened;
  return ok({ ...current, state, openFields: FINDING_FIELDS, endedAt: statement.at });
}

/** Reads entries in order and keeps every commitment's state. */
export function createRegister() {
  const commitments = new Map<CommitmentId, Commitment>();
  return {
    /** Refuses what the issuer should never have said; the register is then as before. */
    admit(statement: Statement, index: number): Result<void, RegisterRefusal> {
      if (!('commitment' in statement)) return ok(undefined);
      const next = advanceCommitment(commitments.get(statement.commitment), statement, index);
      if (!next.ok) return next;
      if (next.value) commitments.set(statement.commitment, next.value);
      return ok(undefined);
    },
    commitments: (): readonly Commitment[] => [...commitments.values()],
  };
}

/** A day lasts until its end in UTC: on the day itself nothing is overdue. */
function endOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + DAY_MS;
}

/** What should have been opened by `now` and was not, and what never can be. Longest overdue first. */
export function overdueOpenings(commitments: readonly Commitment[], now: Date): readonly Overdue[] {
  const overdue: Overdue[] = [];
  for (const { id, state, index, promised, openedBy, extensions } of commitments) {
    if (state === 'opened' || state === 'withdrawn') continue;
    const lateMs = now.getTime() - endOfDay(openedBy);
    if (state === 'sealed' && lateMs < 0) continue;
    const daysOverdue = lateMs < 0 ? 0 : Math.floor(lateMs / DAY_MS) + 1;
    overdue.push({ commitment: id, index, state, promised, openedBy, extensions, daysOverdue });
  }
  return overdue.sort((left, right) => right.daysOverdue - left.daysOverdue || left.index - right.index);
}

/** Opened or withdrawn after the end of the day that stood. */
export function openedLate(commitments: readonly Commitment[]): readonly CommitmentId[] {
  return commitments
    .filter(({ state }) => state === 'opened' || state === 'withdrawn')
    .filter(({ endedAt, openedBy }) => endedAt !== undefined && Date.parse(endedAt) >= endOfDay(openedBy))
    .map(({ id }) => id);
}
