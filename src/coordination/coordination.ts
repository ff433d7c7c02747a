/**
 * What the rest of the system may ask about the parties of a case. A change is decided against the sum of those before
 * it, kept, and what follows from it (a new end of the embargo) happens in the same transaction.
 */
import type { Disclosure, EmbargoTerms, OpenedCase, StepRefusal } from '../disclosure/index.ts';
import { advisoryIdOf, packageOf, policyOf, termsOf, titleOf } from '../disclosure/index.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as inTransaction } from '../store/decide.ts';
import type { Vault } from '../store/vault.ts';
import { createChangeStore } from './change-store.ts';
import { decidedEnd, judgeProposal, type ProposalRefusal } from './embargo-end.ts';
import { type ParticipantId, type ProposalId, TOLD_BY_REPORT } from './participant.ts';
import { type Change, type ChangeRefusal, decide, emptyCase, follow, type SharedCase } from './shared-case.ts';
import { type PartyView, viewFor } from './view.ts';

export interface CoordinationParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'sealJson' | 'openAll'>;
  readonly random: RandomBytes;
  /** Under the kind of clock that the case has. */
  readonly disclosureFor: (opened: OpenedCase) => Pick<Disclosure, 'agreeEndIn' | 'instantIn'>;
  readonly disclosure: Pick<Disclosure, 'findIn'>;
}

export type CoordinationRefusal = ChangeRefusal | ProposalRefusal | EndRefusal | { kind: 'no-such-case'; id: string };
type EndRefusal = { readonly kind: 'end-refused'; readonly because: string };

/** What there is to see of a flaw. Each member is shown by itself to those who need it. */
export interface CaseContent {
  readonly flaw: {
    readonly title: string;
    readonly package: string;
    readonly version: string;
    readonly entry: string;
    readonly sink: string | null;
    readonly oracle: string;
    readonly severity: string;
    readonly reproduced: string;
    readonly affected: OpenedCase['learnt']['affected'];
    readonly advisory: string;
  };
  readonly reproducer: { readonly file: string; readonly text: string; readonly sha256: string };
  readonly patch: { readonly text: string | null; readonly ownTests: OpenedCase['learnt']['ownTests'] };
  readonly deadline: EmbargoTerms & { readonly stage: OpenedCase['case']['stage']; readonly policy: string };
  readonly parties: true;
}

interface DatedChange {
  /** ISO 8601. */
  readonly at: string;
  readonly change: Change;
}

/** All changes of a case, and how many of them no snapshot holds. */
interface Made {
  readonly changes: DatedChange[];
  since: number;
}

/** Changes read one by one at most. */
const SNAPSHOT_EVERY = 200;

export interface Shared {
  readonly opened: OpenedCase;
  readonly it: SharedCase;
  readonly now: Date;
  readonly made: Made;
}

export type Coordination = ReturnType<typeof createCoordination>;

export function createCoordination(parts: CoordinationParts) {
  const { database } = parts;
  return {
    /** Makes one change, and what follows from it. */
    change: (id: string, change: Change, actor: string): Promise<Result<Shared, CoordinationRefusal>> =>
      inTransaction(database, (tx) => makeChange(tx, parts, id, change, actor)),
    changeIn: (tx: Transaction, id: string, change: Change, actor: string) => makeChange(tx, parts, id, change, actor),

    /** The whole of it, for the operator. Undefined where there is no such case. */
    find: (id: string): Promise<Shared | undefined> => database.transaction((tx) => load(tx, parts, id)),
    findIn: (tx: Transaction, id: string): Promise<Shared | undefined> => load(tx, parts, id),

    /** What a party sees; undefined for whoever does not take part. The only way by which a party reads a case. */
    view: (id: string, who: ParticipantId): Promise<PartyView<CaseContent> | undefined> =>
      database.transaction((tx) => view(tx, parts, id, who)),
    viewIn: (tx: Transaction, id: string, who: ParticipantId) => view(tx, parts, id, who),
  };
}

async function view(
  tx: Transaction,
  parts: CoordinationParts,
  id: string,
  who: ParticipantId,
): Promise<PartyView<CaseContent> | undefined> {
  const shared = await load(tx, parts, id);
  return shared && viewFor(shared.it, contentOf(shared.opened), who);
}

async function load(tx: Transaction, parts: CoordinationParts, id: string): Promise<Shared | undefined> {
  const opened = await parts.disclosure.findIn(tx, id);
  if (!opened) return undefined;
  const it = fromCase(opened);
  const made = await readChanges(tx, parts, opened);
  for (const { change, at } of made.changes) follow(it, change, new Date(at));
  const { at: now } = await parts.disclosureFor(opened).instantIn(tx);
  return { opened, it, now, made };
}

async function readChanges(
  tx: Transaction,
  { vault }: CoordinationParts,
  { case: it, keyId }: OpenedCase,
): Promise<Made> {
  const store = createChangeStore(tx);
  const snapshot = await store.findSnapshot(it.id);
  const rows = await store.list(it.id, snapshot?.upto ?? '0');
  const records = rows.map(({ sealed }) => ({ sealed, context: contextOf(it.id) }));
  if (snapshot) records.push({ sealed: snapshot.sealed, context: snapshotOf(it.id, snapshot.upto) });
  const texts = (await vault.openAll(tx, keyId, records)).map(String);
  const changes = snapshot ? (JSON.parse(texts.pop() ?? '[]') as DatedChange[]) : [];
  for (const [index, { at }] of rows.entries()) {
    changes.push({ at: at.toISOString(), change: JSON.parse(texts[index] ?? '') as Change });
  }
  return { changes, since: rows.length };
}

const snapshotOf = (id: string, upto: string): string => `changes of ${id} up to ${upto}`;
const contextOf = (id: string): string => `change of ${id}`;

/** The parties that every case begins with, and what the report told them. */
function fromCase({ case: it, finding, history }: OpenedCase): SharedCase {
  const us = it.parties.find(({ role }) => role === 'coordinator');
  if (!us) throw new Error(`${it.id} has no coordinator`);
  const shared = emptyCase(us.id, it.openedAt);
  const reportedAt = history.find(({ event }) => event === 'notify')?.at;
  for (const { id, report, simulated } of it.parties.filter(({ role }) => role === 'vendor')) {
    const name = `${simulated ? 'SIMULATED ' : ''}maintainers of ${packageOf(finding).name}`;
    const zone = 'UTC';
    follow(shared, { kind: 'invited', who: id, role: 'maintainer', name, address: null, zone }, it.openedAt);
    if (report === 'start' || !reportedAt) continue;
    for (const matter of TOLD_BY_REPORT) follow(shared, { kind: 'need-given', who: id, matter }, reportedAt);
    // Who takes the report without objecting has accepted the published policy it comes under.
    follow(shared, { kind: 'bound', who: id }, reportedAt);
  }
  return shared;
}

async function makeChange(
  tx: Transaction,
  parts: CoordinationParts,
  id: string,
  change: Change,
  actor: string,
): Promise<Result<Shared, CoordinationRefusal>> {
  await createChangeStore(tx).lock(id);
  const shared = await load(tx, parts, id);
  if (!shared) return refuse({ kind: 'no-such-case', id });
  const decided = decide(shared.it, change);
  if (!decided.ok) return decided;
  if (change.kind === 'proposed') {
    const judged = judgeProposal(new Date(change.end), termsOf(shared.opened.case), shared.now);
    if (!judged.ok) return judged;
  }
  await keep(tx, parts, shared, change, actor);
  const settled = await settleEnd(tx, parts, shared, actor);
  return settled.ok ? ok(shared) : settled;
}

async function keep(
  tx: Transaction,
  { vault }: CoordinationParts,
  { opened, it, now, made }: Shared,
  change: Change,
  actor: string,
): Promise<void> {
  const { id } = opened.case;
  const store = createChangeStore(tx);
  const sealed = await vault.sealJson(tx, opened.keyId, change, contextOf(id));
  const upto = await store.append(id, { kind: change.kind, actor, at: now, sealed });
  follow(it, change, now);
  made.changes.push({ at: now.toISOString(), change });
  made.since += 1;
  if (made.since < SNAPSHOT_EVERY) return;
  await store.saveSnapshot(id, {
    upto,
    sealed: await vault.sealJson(tx, opened.keyId, made.changes, snapshotOf(id, upto)),
  });
  made.since = 0;
}

/** The end that those concerned agreed on becomes the deadline of the case. */
async function settleEnd(
  tx: Transaction,
  parts: CoordinationParts,
  shared: Shared,
  actor: string,
): Promise<Result<undefined, EndRefusal>> {
  const { opened, it, now } = shared;
  const decided = decidedEnd(it, termsOf(opened.case), now);
  if (!decided) return ok(undefined);
  const note = `the end proposed as ${decided.id}`;
  const moved = await parts.disclosureFor(opened).agreeEndIn(tx, opened.case.id, decided.end, { actor, note });
  if (!moved.ok) return refuse({ kind: 'end-refused', because: (moved.refusal as StepRefusal).kind });
  await keep(tx, parts, shared, { kind: 'proposal-ended', proposal: decided.id, how: 'taken' }, actor);
  return ok(undefined);
}

export const createProposalId = (random: RandomBytes): ProposalId => createId('proposal', random);

export function contentOf({ case: it, finding, learnt }: OpenedCase): CaseContent {
  const { name, version } = packageOf(finding);
  return {
    flaw: {
      title: titleOf(finding),
      package: name,
      version,
      entry: finding.entry,
      sink: finding.sink ? `${finding.sink.file}:${finding.sink.line}` : null,
      oracle: finding.oracle,
      severity: `${finding.severity.score.toFixed(1)} ${finding.severity.severity}, ${finding.severity.vector}`,
      reproduced: `${finding.reproduction.reproduced} of ${finding.reproduction.of}`,
      affected: learnt.affected,
      advisory: advisoryIdOf(it),
    },
    reproducer: finding.reproducer,
    patch: { text: learnt.patch, ownTests: learnt.ownTests },
    deadline: { ...termsOf(it), stage: it.stage, policy: policyOf(it.policy).title },
    parties: true,
  };
}
