/**
 * What becomes of a flaw after its report: releases are watched for, the reproducer is run on each, and what that shows
 * is done once. Looking asks a source; trying needs the sandbox and is given one.
 *
 *   plan ──▶ look (a source, by conditional request) ──▶ new releases of a case ──▶ try ──▶ fixed / still there / back
 *
 * Every step may run twice: a watch has a version, a release is seen once for a case, a trial is written once.
 */
import { type Disclosure, type OpenedCase, packageOf } from '../disclosure/index.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import { createId } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { FixFacts } from './consequence.ts';
import type { SeenRelease } from './followed.ts';
import { createFollowupStore, type FollowSettings, type WatchId, type WatchRow } from './followup-store.ts';
import { isMirror } from './git-client.ts';
import {
  newReleases,
  type Place,
  pauseMs,
  type Release,
  type Remembered,
  remember,
  type SourceAnswer,
  type SourceRefusal,
  type Validator,
  worthTrying,
} from './release.ts';
import { type CaseFollowUp, chase, showCase } from './stale-service.ts';
import { phaseOf, type ReleaseWorkshop, releaseContext, type Trial, type TrialParts, tryOne } from './trial-service.ts';

export const LOOK_JOB = 'followup.look';
export const TRY_JOB = 'followup.try';

export interface FollowupParts extends TrialParts {
  readonly disclosure: TrialParts['disclosure'] & Pick<Disclosure, 'list' | 'find' | 'remindIn'>;
  readonly ask: (name: string, place: Place, validator: Validator) => Promise<Result<SourceAnswer, SourceRefusal>>;
  /** What the maintainers of a case called fixed, and when. */
  readonly claims: (tx: Transaction, caseId: string) => Promise<FixFacts['claims']>;
}

export interface Watched {
  readonly package: string;
  readonly place: Place;
  readonly newest: Release | null;
  readonly listed: number;
  readonly lookedAt: Date | null;
  readonly nextAt: Date;
  readonly failures: number;
  readonly trouble: WatchRow['trouble'];
  /** How many cases it is watched for. */
  readonly cases: number;
}

export type Look =
  | { readonly kind: 'unchanged' | 'gone' | 'overtaken' }
  | { readonly kind: 'looked'; readonly releases: number; readonly planned: number }
  | ({ readonly kind: 'failed' } & Pick<SourceRefusal, 'reason'>);

export type PlaceRefusal = { readonly kind: 'not-followed' } | { readonly kind: 'no-such-watch' };

export type Followup = ReturnType<typeof createFollowup>;

const LONGEST_NAME_BYTES = 1_024;

export function createFollowup(parts: FollowupParts) {
  const { database, vault } = parts;
  const blind = createHmacSha256(vault.derive('followup/package'), LONGEST_NAME_BYTES);
  const blindRelease = createHmacSha256(vault.derive('followup/release'), LONGEST_NAME_BYTES);
  const inner: Inner = { ...parts, blind, blindRelease };
  return {
    /** Sees to it that every package with a case is watched; tells what is to be looked at now. */
    plan: (): Promise<readonly WatchId[]> => plan(inner),

    /** Asks one source, and plans a trial for each release that is new to a case. */
    look: (id: string): Promise<Look> => look(inner, id),

    /** Everything due at once, whatever the pause: a person asks. */
    async hurry(): Promise<readonly WatchId[]> {
      await plan(inner);
      const packageIds = [...(await followedCases(inner)).keys()];
      await createFollowupStore(database).hurryWatches(packageIds);
      return (await createFollowupStore(database).dueWatches(packageIds)).map(({ id }) => id);
    },

    /** Undefined where it was tried before. */
    try: (releaseId: string, workshop: ReleaseWorkshop): Promise<Trial | undefined> =>
      tryOne(parts, releaseId, workshop),
    /** Trials that showed nothing are made once more; how many. */
    tryUnclearAgain: (): Promise<number> => createFollowupStore(database).forgetUnclear(),
    waiting: async (): Promise<readonly string[]> =>
      (await createFollowupStore(database).waitingReleases()).map(({ id }) => id),

    /** Undefined where there is no such case, or it is none that is followed. */
    show: (id: string): Promise<CaseFollowUp | undefined> => database.transaction((tx) => showCase(tx, parts, id)),
    async followed(): Promise<readonly CaseFollowUp[]> {
      const ids = [...(await followedCases(inner)).values()].flat();
      const shown = await database.transaction(async (tx) => {
        const each: (CaseFollowUp | undefined)[] = [];
        for (const id of ids) each.push(await showCase(tx, parts, id));
        return each;
      });
      return shown.filter((each) => each !== undefined);
    },

    /** Asks the maintainers about a fix that nobody released. */
    chase: (id: string, actor: string) => database.transaction((tx) => chase(tx, parts, id, actor)),

    watches: (): Promise<readonly Watched[]> => listWatches(inner),

    /** Where a package is looked for beside the registry, in the operator's own words. */
    async watchAt(name: string, place: Exclude<Place, { source: 'npm' }>): Promise<Result<null, PlaceRefusal>> {
      const packageId = blind(name);
      if (!(await followedCases(inner)).has(packageId)) return refuse({ kind: 'not-followed' });
      return await database.transaction(async (tx) => {
        await createFollowupStore(tx).removeWatch(packageId, place.source);
        await insertWatch(tx, inner, name, place);
        return ok(null);
      });
    },
    /** A local mirror that the operator named for the package. */
    mirrorOf: async (name: string): Promise<string | undefined> => {
      const watches = await createFollowupStore(database).watchesOf([blind(name)]);
      const git = watches.find(({ source }) => source === 'git');
      const place = git && (await openWatch(database, inner, git)).place;
      return place?.source === 'git' && isMirror(place.repository) ? place.repository : undefined;
    },
    stopWatching: async (name: string, source: 'git' | 'debian'): Promise<boolean> =>
      await createFollowupStore(database).removeWatch(blind(name), source),

    settings: (): Promise<FollowSettings> => createFollowupStore(database).settings(),
    setSettings: (settings: FollowSettings): Promise<void> => createFollowupStore(database).saveSettings(settings),
  };
}

interface Inner extends FollowupParts {
  readonly blind: (text: string) => string;
  readonly blindRelease: (text: string) => string;
}

/** Cases by the blind index of their package: real ones of a published package, until they are rejected or withdrawn. */
async function followedCases({ disclosure, blind }: Inner): Promise<ReadonlyMap<string, string[]>> {
  const cases = new Map<string, string[]>();
  for (const { id, kind } of await disclosure.list()) {
    const opened = kind === 'real' ? await disclosure.find(id) : undefined;
    if (!opened || !isFollowed(opened)) continue;
    const packageId = blind(packageOf(opened.finding).name);
    cases.set(packageId, [...(cases.get(packageId) ?? []), id]);
  }
  return cases;
}

/** What was found in a directory is not what a registry has under the same name. */
export function isFollowed(opened: OpenedCase): boolean {
  const { origin } = opened.finding;
  return opened.case.kind === 'real' && phaseOf(opened) !== 'over' && (origin?.startsWith('pkg:') ?? true);
}

async function plan(parts: Inner): Promise<readonly WatchId[]> {
  const cases = await followedCases(parts);
  for (const [packageId, [first]] of cases) {
    const known = await createFollowupStore(parts.database).watchesOf([packageId]);
    const opened = first && !known.some(({ source }) => source === 'npm') && (await parts.disclosure.find(first));
    if (!opened) continue;
    const { name } = packageOf(opened.finding);
    await parts.database.transaction((tx) => insertWatch(tx, parts, name, { source: 'npm' }));
  }
  return (await createFollowupStore(parts.database).dueWatches([...cases.keys()])).map(({ id }) => id);
}

async function insertWatch(tx: Transaction, { vault, random, blind }: Inner, name: string, place: Place) {
  const id = createId('watch', random);
  const keyId = await vault.createKey(tx, id);
  const fresh: Remembered = { package: name, place, validator: {}, seen: [], newest: null };
  const sealed = await vault.sealJson(tx, keyId, fresh, contextOf(id));
  await createFollowupStore(tx).insertWatch({ id, packageId: blind(name), source: place.source, keyId, sealed });
}

const contextOf = (id: WatchId): string => `watch ${id}`;

const openWatch = (tx: Transaction, { vault }: Inner, row: WatchRow): Promise<Remembered> =>
  vault.openJson<Remembered>(tx, row.keyId, row.sealed, contextOf(row.id));

async function look(parts: Inner, id: string): Promise<Look> {
  const row = await createFollowupStore(parts.database).findWatch(id);
  if (!row) return { kind: 'gone' };
  const before = await openWatch(parts.database, parts, row);
  // Outside of any transaction: the other side may be slow.
  const answer = await parts.ask(before.package, before.place, before.validator);
  const cases = (await followedCases(parts)).get(row.packageId) ?? [];
  try {
    return await parts.database.transaction((tx) => keepLook(tx, parts, { row, before, answer, cases }));
  } catch (error) {
    if (error instanceof StaleWrite) return { kind: 'overtaken' };
    throw error;
  }
}

interface Looked {
  readonly row: WatchRow;
  readonly before: Remembered;
  readonly answer: Result<SourceAnswer, SourceRefusal>;
  readonly cases: readonly string[];
}

async function keepLook(tx: Transaction, parts: Inner, { row, before, answer, cases }: Looked): Promise<Look> {
  const store = createFollowupStore(tx);
  if (!answer.ok) {
    const { kind, reason, retryAfterMs } = answer.refusal;
    const failures = row.failures + 1;
    await store.saveWatch({ ...row, failures, trouble: kind }, pauseMs(failures, retryAfterMs));
    return { kind: 'failed', reason };
  }
  const { value } = answer;
  const after = value.changed ? remember(before, value.releases, value.validator) : before;
  const sealed = value.changed ? await parts.vault.sealJson(tx, row.keyId, after, contextOf(row.id)) : row.sealed;
  await store.saveWatch({ ...row, sealed, failures: 0, trouble: null }, pauseMs(0));
  const fresh = value.changed ? newReleases(before, value.releases) : [];
  // A case opened after the look that saw it has not been tried on the newest release.
  const releases = after.newest ? [...fresh, after.newest] : fresh;
  let planned = 0;
  for (const id of cases) planned += await planTrials(tx, parts, id, { releases, place: before.place });
  return value.changed ? { kind: 'looked', releases: after.seen.length, planned } : { kind: 'unchanged' };
}

interface Offered {
  readonly releases: readonly Release[];
  readonly place: Place;
}

/** How many releases were new to this case. */
async function planTrials(tx: Transaction, parts: Inner, caseId: string, { releases, place }: Offered) {
  const opened = await parts.disclosure.findIn(tx, caseId);
  if (!opened || !isFollowed(opened)) return 0;
  let planned = 0;
  for (const release of worthTrying(packageOf(opened.finding).version, releases)) {
    const seen: SeenRelease = { ...release, ...(place.source === 'git' && { repository: place.repository }) };
    const id = createId('release', parts.random);
    const isNew = await createFollowupStore(tx).insertRelease({
      ...{ id, caseId, nameId: parts.blindRelease(`${release.source}\0${release.label}`) },
      sealed: await parts.vault.sealJson(tx, opened.keyId, seen, releaseContext(id)),
    });
    if (!isNew) continue;
    planned += 1;
    await addJob(tx, TRY_JOB, { release: id }, { key: `${TRY_JOB} ${id}`, queue: TRY_JOB });
  }
  return planned;
}

async function listWatches(parts: Inner): Promise<readonly Watched[]> {
  const cases = await followedCases(parts);
  const watched: Watched[] = [];
  for (const row of await createFollowupStore(parts.database).listWatches()) {
    const { package: name, place, newest, seen } = await openWatch(parts.database, parts, row);
    const { lookedAt, nextAt, failures, trouble, packageId } = row;
    const of = cases.get(packageId)?.length ?? 0;
    watched.push({ package: name, place, newest, listed: seen.length, lookedAt, nextAt, failures, trouble, cases: of });
  }
  return watched;
}
