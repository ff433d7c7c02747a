/** What two crash reports of one project have in common, as numbers. The learnt score reads these and nothing else. */
import { type Census, ofProject, type ProjectCensus, rarity, windowOf } from './census.ts';
import type { Signature } from './signature.ts';

const DAY_SECONDS = 86_400;

/** Columns, in the order in which the parameters were learnt. */
export const CRASH_FEATURES = [
  'topSame',
  'sharedFrames',
  'rarestShared',
  'frameLikeness',
  'topInOther',
  'scopeSame',
  'scopesShared',
  'topWords',
  'allWords',
  'prefix',
  'rarestWord',
  'crossWords',
  'kindSame',
  'familySame',
  'accessSame',
  'bytesSame',
  'kindRarity',
  'sanitizerSame',
  'bothMemory',
  'bothUndefined',
  'engineSame',
  'fuzzTargetSame',
  'fuzzWords',
  'severitySame',
  'windowSame',
  'windowNeither',
  'windowOneOnly',
  'windowGap',
  'windowShare',
  'windowCount',
  'windowFirst',
  'windowLength',
  'windowBurst',
  'quietBefore',
  'windowMiddleLag',
  'windowLastLag',
  'windowOneFamily',
  'windowOneScope',
  'windowOneTarget',
  'windowUninit',
  'targetNew',
  'harnessNew',
  'lagLeast',
  'lagMost',
  'apart',
] as const;

export function crashFeatures(a: Signature, b: Signature, census: Census): readonly number[] {
  const project = ofProject(census, a.project);
  return [
    ...frameFeatures(a, b, project, census),
    ...crashTypeFeatures(a, b, project),
    ...harnessFeatures(a, b),
    ...windowFeatures(a, b, project),
    ...timeFeatures(a, b),
  ];
}

const yes = (value: boolean): number => (value ? 1 : 0);

/** Innermost frames that are compared each with each. */
const CROSSED_FRAMES = 3;

function frameFeatures(a: Signature, b: Signature, project: ProjectCensus, census: Census): number[] {
  const [one, other] = [a.frameNames, b.frameNames];
  const weight = (name: string): number =>
    rarity(project.frames.get(name), project.records) / (1 + Math.log(census.projectsWithFrame.get(name) ?? 1));
  const sharedNames = one.filter((name) => other.includes(name));
  const sum = (names: readonly string[]): number => names.reduce((total, name) => total + weight(name), 0);
  const shared = sum(sharedNames);
  const union = sum(one) + sum(other) - shared;
  const [topOne, topOther] = [a.frames[0], b.frames[0]];
  const scopes = new Set(a.frames.map(({ scope }) => scope));
  const wordWeight = (word: string): number => rarity(project.words.get(word), project.records);
  const sharedWords = a.frameWords.filter((word) => b.frameWords.includes(word));
  const crossed = cross(a, b, sharedWords.length > 0 ? wordWeight : undefined);
  return [
    yes(topOne !== undefined && topOne.name === topOther?.name),
    sharedNames.length,
    sharedNames.reduce((most, name) => Math.max(most, weight(name)), 0),
    shared / Math.max(union, 1e-9),
    yes(other.includes(one[0] ?? '') || one.includes(other[0] ?? '')),
    yes(topOne !== undefined && topOne.scope === topOther?.scope),
    new Set(b.frames.map(({ scope }) => scope).filter((scope) => scopes.has(scope))).size,
    likeness(topOne?.words ?? [], topOther?.words ?? [], wordWeight),
    likeness(a.frameWords, b.frameWords, wordWeight),
    crossed.prefix,
    sharedWords.reduce((most, word) => Math.max(most, wordWeight(word)), 0),
    crossed.words,
  ];
}

/** The likest two of the innermost frames, by their beginnings and by their words. */
function cross(a: Signature, b: Signature, weight: ((word: string) => number) | undefined) {
  let [prefix, words] = [0, 0];
  for (const one of a.frames.slice(0, CROSSED_FRAMES)) {
    for (const other of b.frames.slice(0, CROSSED_FRAMES)) {
      prefix = Math.max(prefix, commonPrefix(one.name, other.name));
      if (weight) words = Math.max(words, likeness(one.words, other.words, weight));
    }
  }
  return { prefix, words };
}

function commonPrefix(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  return at / Math.max(1, Math.min(left.length, right.length));
}

/** Weighted share of common words. */
function likeness(left: readonly string[], right: readonly string[], weight: (word: string) => number): number {
  let [shared, all] = [0, 0];
  for (const word of left) {
    const each = weight(word);
    all += each;
    if (right.includes(word)) shared += each;
  }
  if (shared === 0) return 0;
  for (const word of right) if (!left.includes(word)) all += weight(word);
  return shared / all;
}

function crashTypeFeatures(a: Signature, b: Signature, project: ProjectCensus): number[] {
  const [one, other] = [a.crash, b.crash];
  const isKind = one !== undefined && one.kind === other?.kind;
  return [
    yes(isKind),
    yes(one !== undefined && one.family === other?.family),
    yes(one !== undefined && one.access === other?.access),
    yes(isKind && one.bytes === other?.bytes),
    isKind ? rarity(project.crashKinds.get(one.kind), project.records) : 0,
  ];
}

function harnessFeatures(a: Signature, b: Signature): number[] {
  const isTarget = a.fuzzTarget !== '' && a.fuzzTarget === b.fuzzTarget;
  const isSanitizer = a.sanitizer !== '' && a.sanitizer === b.sanitizer;
  return [
    yes(isSanitizer),
    yes(isSanitizer && a.sanitizer === 'msan'),
    yes(isSanitizer && a.sanitizer === 'ubsan'),
    yes(a.engine !== '' && a.engine === b.engine),
    yes(isTarget),
    isTarget ? 1 : likeness(a.fuzzWords, b.fuzzWords, () => 1),
    yes(a.severity === b.severity),
  ];
}

function windowFeatures(a: Signature, b: Signature, project: ProjectCensus): number[] {
  const [one, other] = [windowOf(a), windowOf(b)];
  const isSame = one === other && one !== 'none';
  const window = project.windows.get(one);
  const found = window?.records ?? 0;
  const gap = a.regressedBy === undefined || b.regressedBy === undefined ? -1 : Math.abs(a.regressedBy - b.regressedBy);
  const first = Math.min(a.regressedBy ?? Number.POSITIVE_INFINITY, b.regressedBy ?? Number.POSITIVE_INFINITY);
  const length = isSame ? (a.regressedBy ?? 0) - (a.regressedAfter ?? 0) : -1;
  return [
    yes(isSame),
    yes(one === 'none' && other === 'none'),
    yes((one === 'none') !== (other === 'none')),
    gap < 0 ? -1 : Math.log1p(gap / DAY_SECONDS),
    isSame ? found / Math.max(1, project.records) : 0,
    isSame ? found : 0,
    yes(first === project.firstWindowEnd),
    length < 0 ? -1 : Math.log1p(length / DAY_SECONDS),
    isSame ? (window?.burst ?? 0) : -1,
    isSame && window && window.quietBefore >= 0 ? Math.log1p(window.quietBefore / DAY_SECONDS) : -1,
    isSame ? Math.log1p(Math.max(0, window?.middleLag ?? 0) / DAY_SECONDS) : -1,
    isSame ? Math.log1p(Math.max(0, window?.lastLag ?? 0) / DAY_SECONDS) : -1,
    isSame ? (window?.oneFamily ?? 0) : -1,
    isSame ? (window?.oneScope ?? 0) : -1,
    isSame ? (window?.oneTarget ?? 0) : -1,
    isSame ? (window?.uninitialised ?? 0) : -1,
    ...newness(a, b, project, isSame),
  ];
}

/** Whether the window is where a fuzz target, or an engine with a sanitizer, first shows: then it dates the search, not the flaw. */
function newness(a: Signature, b: Signature, project: ProjectCensus, isSame: boolean): number[] {
  if (!isSame) return [-1, -1];
  const isNew = (since: number | undefined): number => yes((a.regressedBy ?? 0) <= (since ?? 0));
  const harness = ({ engine, sanitizer }: Signature): string => `${engine} ${sanitizer}`;
  return [
    isNew(project.targetSince.get(a.fuzzTarget)) + isNew(project.targetSince.get(b.fuzzTarget)),
    isNew(project.sanitizerSince.get(harness(a))) + isNew(project.sanitizerSince.get(harness(b))),
  ];
}

function timeFeatures(a: Signature, b: Signature): number[] {
  const lags = [a, b].map(({ reported, regressedBy }) =>
    reported === undefined || regressedBy === undefined
      ? -1
      : Math.log1p(Math.max(0, reported - regressedBy) / DAY_SECONDS),
  );
  const apart =
    a.reported === undefined || b.reported === undefined ? -1 : Math.abs(a.reported - b.reported) / DAY_SECONDS;
  return [Math.min(...lags), Math.max(...lags), apart < 0 ? -1 : Math.log1p(apart * 24)];
}
