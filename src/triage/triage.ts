/**
 * Feeds in, decisions out. A feed is taken in one transaction together with the job that decides anew: either both are
 * there or neither. A case that the catalogue now names is stepped to `exploited` in the transaction of its new decision.
 */
import { createHmac } from 'node:crypto';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { type Calibration, calibrate, type Review } from './calibration.ts';
import { decide, type TriageDecision, type TriageFacts, whyNoAnswer } from './decide.ts';
import { type FeedKind, type FeedRefusal, readFeed } from './feed.ts';
import type { FetchRefusal } from './feed-client.ts';
import { createFeedStore, type FeedChange, type FeedSource, type StoredFeed } from './feed-store.ts';
import { createTriageStore } from './triage-store.ts';

export const REDECIDE_JOB = 'triage.redecide';

/** Decisions follow one another: two of one case at once would be two of the same number. */
export const TRIAGE_QUEUE = 'triage';

/** Who steps a case that the catalogue names. */
const CATALOGUE_ACTOR = 'catalogue of exploited vulnerabilities';

/** What triage is told of a case. */
export interface TriagedCase {
  readonly id: string;
  /** The package's name. */
  readonly project: string;
  /** Ids assigned by others; those that are CVEs are looked up. */
  readonly knownAs: readonly string[];
  readonly claims: TriageFacts['claims'];
  readonly affected: TriageFacts['affected'];
  readonly isAttacked: boolean;
  readonly isExploitPublic: boolean;
}

export interface TriageParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive' | 'sealUnder' | 'openUnder'>;
  /** Ids of the cases that are open and real. */
  readonly openCases: () => Promise<readonly string[]>;
  /** Undefined where it is not open any more, or no real case. */
  readonly findCase: (tx: Transaction, id: string) => Promise<TriagedCase | undefined>;
  /** Has the case's clocks run as they must when a flaw is exploited; says why where the case refuses. */
  readonly exploited: (
    tx: Transaction,
    id: string,
    by: { readonly actor: string; readonly note: string },
  ) => Promise<{ readonly ok: true } | { readonly ok: false; readonly refusal: { readonly kind: string } }>;
}

export type ImportRefusal = FeedRefusal | { readonly kind: 'older'; readonly have: string; readonly given: string };

export type AnswerRefusal = { readonly kind: 'no-such-case' } | { readonly kind: 'no-answer'; readonly reason: string };

export interface ImportedFeed extends FeedChange {
  readonly kind: FeedKind;
  readonly version: string;
  readonly entries: number;
}

export interface Decided {
  readonly number: number;
  readonly at: Date;
  readonly decision: TriageDecision;
}

const SEALED_USE = 'triage/decisions';
const IDENTITY_USE = 'triage/decision-identity';

export type Triage = ReturnType<typeof createTriage>;

export function createTriage(parts: TriageParts) {
  const { database } = parts;
  return {
    /** The same bytes again change nothing; an older version than the one at hand is refused. */
    importFeed: (kind: FeedKind, text: string): Promise<Result<ImportedFeed, ImportRefusal>> =>
      importFeed(database, kind, text),

    feeds: (): Promise<readonly StoredFeed[]> => createFeedStore(database).feeds(),

    /** Where workers read a feed again every hour; null: no more. */
    watchFeed: (kind: FeedKind, url: string | null): Promise<void> =>
      database.transaction((tx) => createFeedStore(tx).saveSource(kind, url)),
    watchedFeeds: (): Promise<readonly FeedSource[]> => createFeedStore(database).listSources(),

    /** Reads the watched feeds again. What cannot be read, or is older, leaves the one at hand as it was. */
    async readFeedsAgain(fetchFeed: FetchFeed): Promise<void> {
      for (const { kind, url } of await createFeedStore(database).listSources()) {
        const text = await fetchFeed(url);
        const taken = text.ok ? await importFeed(database, kind, text.value) : text;
        await createFeedStore(database).noteLook(kind, taken.ok ? null : troubleOf(taken.refusal));
      }
    },

    /**
     * Decides all open cases anew, each in a transaction of its own: those first that the catalogue names, because their clocks
     * move, however many there are. Gives how many came out otherwise.
     */
    async redecide(): Promise<number> {
      const calibration = calibrate(await createTriageStore(database).reviews());
      let changed = 0;
      const failures: unknown[] = [];
      for (const id of await namedFirst(database, parts)) {
        try {
          if (await database.transaction((tx) => redecideCase(tx, parts, id, calibration))) changed += 1;
        } catch (error) {
          // One case that cannot be decided must not hold up the others.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, `${failures.length} cases were not decided`);
      return changed;
    },

    async decideCase(id: string): Promise<Decided | undefined> {
      const calibration = calibrate(await createTriageStore(database).reviews());
      await database.transaction((tx) => redecideCase(tx, parts, id, calibration));
      return findDecided(database, parts, id);
    },

    find: (id: string): Promise<Decided | undefined> => findDecided(database, parts, id),

    /** What a reviewer found a case to be; undefined where nobody looked. */
    reviewedSeverity: (about: string): Promise<Review['found'] | undefined> =>
      createTriageStore(database).foundOf(about),

    /** What a reviewer found of a rating. It counts for every later decision, and has the open cases decided anew. */
    review: (review: Review, about: string, reviewer: string): Promise<void> =>
      database.transaction((tx) => addReview(tx, review, about, reviewer)),
    reviewIn: (tx: Transaction, review: Review, about: string, reviewer: string): Promise<void> =>
      addReview(tx, review, about, reviewer),

    /** A person's answer to a decision point, by its table's keys. Gives why it is none. */
    answer: (id: string, point: string, value: string, actor: string): Promise<Result<void, AnswerRefusal>> =>
      database.transaction(async (tx) => {
        const reason = whyNoAnswer(point, value);
        if (reason) return refuse({ kind: 'no-answer', reason } as const);
        if (!(await parts.findCase(tx, id))) return refuse({ kind: 'no-such-case' } as const);
        await createTriageStore(tx).addAnswer(id, point, value, actor);
        await addJob(tx, REDECIDE_JOB, {}, { key: REDECIDE_JOB, queue: TRIAGE_QUEUE });
        return ok(undefined);
      }),

    async calibration(): Promise<Calibration> {
      return calibrate(await createTriageStore(database).reviews());
    },
  };
}

type FetchFeed = (place: string) => Promise<Result<string, FetchRefusal>>;

const troubleOf = (refusal: ImportRefusal | FetchRefusal): string =>
  refusal.kind === 'older' ? `${refusal.given} is older than ${refusal.have}` : refusal.reason;

async function addReview(tx: Transaction, review: Review, about: string, reviewer: string): Promise<void> {
  await createTriageStore(tx).addReview(review, about, reviewer);
  await addJob(tx, REDECIDE_JOB, {}, { key: REDECIDE_JOB, queue: TRIAGE_QUEUE });
}

async function importFeed(
  database: Database,
  kind: FeedKind,
  text: string,
): Promise<Result<ImportedFeed, ImportRefusal>> {
  const read = readFeed(kind, text);
  if (!read.ok) return read;
  const feed = read.value;
  const sha256 = sha256Hex(text);
  return await database.transaction(async (tx) => {
    const store = createFeedStore(tx);
    await store.takeTurn();
    const imported = { kind, version: feed.version, entries: feed.entries.length };
    const have = (await store.feeds()).find((each) => each.kind === kind);
    if (have?.sha256 === sha256) return ok({ ...imported, added: 0, changed: 0, removed: 0 });
    if (have && have.releasedAt > feed.releasedAt) {
      return refuse({ kind: 'older', have: have.version, given: feed.version } as const);
    }
    const change = await store.replace(feed, sha256);
    await addJob(tx, REDECIDE_JOB, {}, { key: REDECIDE_JOB, queue: TRIAGE_QUEUE });
    return ok({ ...imported, ...change });
  });
}

async function redecideCase(
  tx: Transaction,
  parts: TriageParts,
  id: string,
  calibration: Calibration,
): Promise<boolean> {
  const it = await parts.findCase(tx, id);
  if (!it) return false;
  const store = createTriageStore(tx);
  const cves = it.knownAs.filter((each) => each.startsWith('CVE-'));
  const feeds = createFeedStore(tx);
  const [kev, epss] = [await feeds.findKev(cves), await feeds.findEpss(cves)];
  const { claims, affected, isAttacked, isExploitPublic } = it;
  const answers = await store.answers(id);
  if (cves.length > 0) await store.keepIds(id, cves.map(blindId(parts)));
  const decision = decide({ claims, affected, kev, epss, isAttacked, isExploitPublic, answers }, calibration);
  // Also where the decision stands already: the step may have been refused, or its transaction lost.
  if (kev.length > 0 && !isAttacked) {
    const stepped = await parts.exploited(tx, id, {
      actor: CATALOGUE_ACTOR,
      note: decision.exploitation.reasons.join('; '),
    });
    if (!stepped.ok && stepped.refusal.kind === 'clock-doubted') {
      throw new Error('a case in the catalogue was not stepped: the clock is in doubt');
    }
  }
  const text = canonicalJson(decision as unknown as Json);
  const identity = createHmac('sha256', parts.vault.derive(IDENTITY_USE)).update(`${id}\0${text}`).digest();
  const last = await store.lastDecision(id);
  if (last?.identity.equals(identity)) return false;
  const number = (last?.number ?? 0) + 1;
  const sealed = parts.vault.sealUnder(SEALED_USE, Buffer.from(text), contextOf(id, number));
  await store.addDecision(id, number, identity, sealed);
  return true;
}

/** Enough of an HMAC that no two are met by chance. */
const BLIND_BYTES = 16;

function blindId({ vault }: Pick<TriageParts, 'vault'>): (cve: string) => Buffer {
  const key = vault.derive('triage/case-ids');
  return (cve) => createHmac('sha256', key).update(cve).digest().subarray(0, BLIND_BYTES);
}

async function namedFirst(database: Database, parts: TriageParts): Promise<readonly string[]> {
  const listed = await createFeedStore(database).listKevIds();
  const named = await createTriageStore(database).casesOf(listed.map(blindId(parts)));
  const open = await parts.openCases();
  return [...open.filter((id) => named.has(id)), ...open.filter((id) => !named.has(id))];
}

async function findDecided(database: Database, parts: TriageParts, id: string): Promise<Decided | undefined> {
  const last = await createTriageStore(database).lastDecision(id);
  if (!last) return undefined;
  const text = parts.vault.openUnder(SEALED_USE, last.sealed, contextOf(id, last.number)).toString('utf8');
  return { number: last.number, at: last.at, decision: JSON.parse(text) as TriageDecision };
}

const contextOf = (id: string, number: number): string => `${id} ${number}`;
