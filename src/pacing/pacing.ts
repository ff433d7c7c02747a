/**
 * The queue of real cases before their maintainers. Every release is decided under a lock on its project, in the transaction
 * that sends the report, so that however many workers ask, no more goes than the project takes. Time is the database's.
 */

import { createHmacSha256 } from '../lib/hmac.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import type { Vault } from '../store/vault.ts';
import { type Allowance, allowanceOf, NO_WISHES, type PacingRules, USUAL_GROWTH, type Wishes } from './allowance.ts';
import { capacityOf, POPULATION } from './capacity.ts';
import type { SsvcOutcome } from './harm.ts';
import { needOf, type ProjectNeed } from './need.ts';
import { projectTitle, readProject } from './opt-out.ts';
import { createOptOuts } from './opt-out-service.ts';
import {
  createPacingStore,
  type PacedProject,
  type PacedReport,
  type PaceSettings,
  type ProjectId,
  type RecordedWish,
  toDay,
  toSent,
} from './pacing-store.ts';
import { nextReports, type Position, type ProjectQueue, planQueue } from './queue.ts';
import {
  addressOf,
  changeWishes,
  ensureProject,
  keepAddress,
  type ProjectAddress,
  type WishChange,
} from './wish-service.ts';

/** What pacing is told of a real case. */
export interface PacedCase {
  readonly id: string;
  /** Package URL; a version is left out. */
  readonly target: string;
  /** What related findings have in common: the file the flaw shows in, say. */
  readonly place: string | null;
  readonly outcome: SsvcOutcome;
  /** Attacks or a public exploit are known. */
  readonly isExploited: boolean;
  /** A link of a chain: with other findings it carries an attacker further. */
  readonly isChained: boolean;
  /** Partners whose products it hits, as far as they told us what they deliver. */
  readonly dependents: number;
  readonly foundAt: Date;
  readonly isReady: boolean;
  readonly sentAt: Date | null;
  readonly ended: PacedReport['ended'];
}

export interface PacingParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive' | 'createKey' | 'seal' | 'open'>;
  /** Real cases, but for those whose end is `known`. */
  readonly cases: (known: ReadonlySet<string>) => Promise<readonly PacedCase[]>;
  /** Sends the report, in this transaction. */
  readonly notify: (
    tx: Transaction,
    caseId: string,
    by: ReleaseBy & {
      /** Nobody looks at what leaves: a report without an address is not sent. */
      readonly mustReach: boolean;
    },
  ) => Promise<Result<unknown, { readonly kind: string }>>;
}

export interface ReleaseBy {
  readonly actor: string;
  /** Its place among related reports that leave with it. */
  readonly series?: { readonly place: number; readonly of: number } | undefined;
  readonly to?: string | ProjectAddress;
}

export type ReleaseRefusal =
  | { readonly kind: 'no-such-case'; readonly id: string }
  | { readonly kind: 'not-confirmed' | 'already-sent' | 'over' | 'not-its-turn' | 'installation-limit' }
  | { readonly kind: 'not-wanted'; readonly optedOutBy: string | null }
  | { readonly kind: 'declared-limit'; readonly open: number; readonly sentThisWeek: number }
  | { readonly kind: 'not-notified'; readonly because: string };

export interface ProjectView {
  readonly project: string;
  readonly wishes: Wishes;
  /** Somebody said where its reports go. */
  readonly hasAddress: boolean;
  readonly allowance: Allowance;
  readonly waiting: number;
  readonly history: readonly RecordedWish[];
}

export type Pacing = ReturnType<typeof createPacing>;

const RULES: PacingRules = { population: POPULATION, growth: USUAL_GROWTH };
const LONGEST_NAME_BYTES = 4_096;

export function createPacing(parts: PacingParts) {
  const { database, vault } = parts;
  const index = createHmacSha256(vault.derive('pacing/project'), LONGEST_NAME_BYTES);
  const relate = createHmacSha256(vault.derive('pacing/relation'), LONGEST_NAME_BYTES);
  const indices: Indices = { index, relate };
  return {
    project: (name: string): Promise<ProjectView | undefined> =>
      database.transaction((tx) => viewProject(tx, indices, name)),

    /** The project's wishes after `change`; undefined where `name` names no project. */
    change: (name: string, change: WishChange, actor: string): Promise<Wishes | undefined> =>
      database.transaction((tx) => changeWishes(tx, parts, index, { name, change, actor })),

    /** Where its reports go; null forgets it. False where `name` names no project. */
    keepAddress: (name: string, address: ProjectAddress | null, actor: string): Promise<boolean> =>
      database.transaction((tx) => keepAddress(tx, parts, index, { name, address, actor })),

    /** What a maintainer answered to a report, in the transaction that keeps the answer. */
    askIn: (tx: Transaction, name: string, asked: 'fewer' | 'more', actor: string): Promise<Wishes | undefined> =>
      changeWishes(tx, parts, index, { name, change: { kind: 'ask', asked }, actor }),

    ...createOptOuts({ database, index }),

    settings: () => database.transaction((tx) => createPacingStore(tx).getSettings()),
    configure: (settings: PaceSettings) => database.transaction((tx) => createPacingStore(tx).saveSettings(settings)),

    async queue(): Promise<readonly Position[]> {
      await noteCases(parts, indices);
      return await database.transaction((tx) => readQueue(tx, parts));
    },

    /** Which projects need maintainers' time most, by what is open and waiting there. */
    async needs(): Promise<readonly ProjectNeed[]> {
      await noteCases(parts, indices);
      return await database.transaction((tx) => readNeeds(tx, parts));
    },

    /** A person's word for one case: it passes what was learnt of a project, never what the project declared. */
    async release(caseId: string, by: ReleaseBy): Promise<Result<undefined, ReleaseRefusal>> {
      await noteCases(parts, indices);
      return await decide(database, (tx) => releaseOne(tx, parts, caseId, { by, isByTurn: false }));
    },

    /** Everything whose turn it is. */
    async releaseNext(by: ReleaseBy): Promise<readonly Released[]> {
      await noteCases(parts, indices);
      const queue = await database.transaction((tx) => readQueue(tx, parts));
      const released: Released[] = [];
      const going = queue.filter(({ mayGo }) => mayGo);
      for (const members of Map.groupBy(going, ({ id, relatedTo }) => relatedTo ?? id).values()) {
        released.push(...(await database.transaction((tx) => releaseTogether(tx, parts, members, by))));
      }
      return released;
    },
  };
}

/** Related findings have one turn: the first that leaves takes the others with it, as far as was declared. */
async function releaseTogether(
  tx: Transaction,
  parts: PacingParts,
  members: readonly Position[],
  by: ReleaseBy,
): Promise<readonly Released[]> {
  const released: Released[] = [];
  for (const [index, { id }] of members.entries()) {
    const series = members.length > 1 ? { place: index + 1, of: members.length } : undefined;
    const takenAlong = released.some(({ outcome }) => outcome.ok);
    await tx.query('savepoint release', []);
    const outcome = await releaseOne(tx, parts, id, { by: { ...by, series }, isByTurn: true, takenAlong });
    // A refusal may come after the step was taken; it leaves nothing behind.
    if (!outcome.ok) await tx.query('rollback to savepoint release', []);
    released.push({ id, outcome });
  }
  return released;
}

export interface Released {
  readonly id: string;
  readonly outcome: Result<undefined, ReleaseRefusal>;
}

interface Indices {
  readonly index: (name: string) => ProjectId;
  readonly relate: (place: string) => string;
}

/** Brings the queue to what the cases say. Read without a lock, so it only adds to what was noted of sending and ending. */
async function noteCases(parts: PacingParts, { index, relate }: Indices): Promise<void> {
  const { database } = parts;
  const ended = await database.transaction((tx) => createPacingStore(tx).listEnded());
  for (const it of await parts.cases(ended)) {
    const project = readProject(it.target);
    if (project === undefined) throw new Error(`the target of ${it.id} is no package URL`);
    const id = index(project);
    await database.transaction(async (tx) => {
      await ensureProject(tx, parts, id, project);
      await createPacingStore(tx).noteReport({
        caseId: it.id,
        projectId: id,
        isReady: it.isReady,
        sentAt: it.sentAt,
        ended: it.ended,
        waiting: {
          id: it.id,
          outcome: it.outcome,
          isExploited: it.isExploited,
          isChained: it.isChained,
          dependents: it.dependents,
          foundDay: toDay(it.foundAt),
          relation: it.place === null ? null : relate(`${project}\0${it.place}`),
        },
      });
    });
  }
}

async function readQueue(tx: Transaction, { vault }: PacingParts): Promise<readonly Position[]> {
  const store = createPacingStore(tx);
  const today = toDay(await store.now());
  const { mostPerDay } = await store.getSettings();
  const left = mostPerDay === null ? null : Math.max(0, mostPerDay - (await store.countSentToday()));
  const projects = await store.listProjects(await store.listProjectsWaiting());
  const names = new Map<string, string>();
  const queues: ProjectQueue[] = [];
  for (const project of projects) {
    const name = await vault.open(tx, project.keyId, project.name, `project ${project.id}`);
    names.set(project.id, projectTitle(name.toString()));
    queues.push(toQueue(project, await store.listReports(project.id)));
  }
  return planQueue(queues, today, { ...RULES, mostPerDay: left }).map((position) => ({
    ...position,
    project: names.get(position.project) ?? position.project,
  }));
}

async function readNeeds(tx: Transaction, { vault }: PacingParts): Promise<readonly ProjectNeed[]> {
  const store = createPacingStore(tx);
  const today = toDay(await store.now());
  const needs: ProjectNeed[] = [];
  for (const { id, keyId, name } of await store.listProjects(await store.listProjectsOpen())) {
    const title = await vault.open(tx, keyId, name, `project ${id}`);
    const reports = await store.listReports(id);
    const capacity = capacityOf(
      reports.flatMap((report) => toSent(report) ?? []),
      today,
      RULES.population,
    );
    const open = reports.filter(({ isReady, sentAt, ended }) => !ended && (isReady || sentAt !== null));
    const cases = open.map(({ waiting }) => waiting);
    needs.push(needOf(projectTitle(title.toString()), cases, capacity, today));
  }
  return needs.sort((left, right) => right.need - left.need);
}

function toQueue(project: PacedProject, reports: readonly PacedReport[]): ProjectQueue {
  return {
    project: project.id,
    wishes: project.wishes,
    sent: reports.flatMap((report) => toSent(report) ?? []),
    waiting: reports.filter(isWaiting).map(({ waiting }) => waiting),
  };
}

const isWaiting = ({ isReady, sentAt, ended }: PacedReport): boolean => isReady && !sentAt && !ended;

interface Release {
  readonly by: ReleaseBy;
  /** It goes because its turn has come, and not because a person named it. */
  readonly isByTurn: boolean;
  /** A related one left just now, in this transaction: they have one turn. */
  readonly takenAlong?: boolean;
}

async function releaseOne(
  tx: Transaction,
  parts: PacingParts,
  caseId: string,
  { by, isByTurn, takenAlong = false }: Release,
): Promise<Result<undefined, ReleaseRefusal>> {
  const store = createPacingStore(tx);
  const projectId = await store.findProjectOf(caseId);
  const project = projectId && (await store.lockProject(projectId));
  if (!project) return refuse({ kind: 'no-such-case', id: caseId });
  const reports = await store.listReports(project.id);
  const report = reports.find((each) => each.caseId === caseId);
  if (!report) return refuse({ kind: 'no-such-case', id: caseId });
  const refused = whyNot(report);
  if (refused) return refuse(refused);
  const today = toDay(await store.now());
  const queue = toQueue(project, reports);
  const { wishes, sent } = queue;
  const allowance = allowanceOf(sent, wishes, today, RULES);
  if (allowance.isClosed) return refuse({ kind: 'not-wanted', optedOutBy: wishes.optedOutBy });
  if (allowance.declaredFree <= 0) {
    return refuse({ kind: 'declared-limit', open: allowance.open, sentThisWeek: allowance.sentThisWeek });
  }
  if (isByTurn) {
    const { next } = nextReports(queue, today, RULES);
    const going = next.flatMap(({ members }) => members.map(({ waiting }) => waiting.id));
    if (!takenAlong && !going.includes(caseId)) return refuse({ kind: 'not-its-turn' });
    const { mostPerDay } = await store.lockSettings();
    if (mostPerDay !== null && (await store.countSentToday()) >= mostPerDay) {
      return refuse({ kind: 'installation-limit' });
    }
  }
  const to = by.to ?? (await addressOf(tx, parts, project));
  // What everybody can read takes a person's word each time.
  if (isByTurn && typeof to === 'object' && to.mayBePublic) {
    return refuse({ kind: 'not-notified', because: 'public-needs-a-person' });
  }
  const notified = await parts.notify(tx, caseId, {
    actor: by.actor,
    series: by.series,
    ...(to && { to }),
    mustReach: isByTurn,
  });
  if (!notified.ok) return refuse({ kind: 'not-notified', because: notified.refusal.kind });
  await store.markSent(caseId, by.actor);
  return ok(undefined);
}

function whyNot({ isReady, sentAt, ended }: PacedReport): ReleaseRefusal | undefined {
  if (sentAt) return { kind: 'already-sent' };
  if (ended) return { kind: 'over' };
  return isReady ? undefined : { kind: 'not-confirmed' };
}

async function viewProject(tx: Transaction, { index }: Indices, name: string): Promise<ProjectView | undefined> {
  const project = readProject(name);
  if (project === undefined) return undefined;
  const store = createPacingStore(tx);
  const id = index(project);
  const [known] = await store.listProjects([id]);
  const reports = await store.listReports(id);
  const wishes = known?.wishes ?? { ...NO_WISHES, optedOutBy: await store.findOptOut(id) };
  const sent = reports.flatMap((report) => toSent(report) ?? []);
  return {
    project,
    wishes,
    hasAddress: known?.address != null,
    allowance: allowanceOf(sent, wishes, toDay(await store.now()), RULES),
    waiting: reports.filter(isWaiting).length,
    history: await store.listWishes(id),
  };
}
