/**
 * Ordinary calls, to see that a patch changes nothing but the flaw. What each did is compared before and after.
 *
 *   documented   the attacked function, called as the package's own documentation and tests call it
 *   guessed      the attacked function with harmless input of the payload's shape; nobody promised that it is accepted
 *   elsewhere    every other export, with a few plain arguments
 *
 * Only what a user can rely on is compared: a call that ended the process, gave two answers or was run as program text
 * before the patch is no promise; one that threw, or whose promise stayed open, may do anything else, if it still calls
 * back and starts what it did. The words of an error, the order of members and new exports are nobody's contract
 * (`benign-inside.ts` leaves them out).
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';
import { ordinaryWords } from './ordinary-words.ts';

export interface BenignCall {
  readonly id: string;
  /** Of the attacked function, as opposed to another export. */
  readonly isEntry: boolean;
  /** Nobody showed that the function takes such input. */
  readonly isGuess: boolean;
  /** Made from the slow expression: one that stays as it was is enough, since odd texts are what a fix of one changes. */
  readonly isSample?: boolean;
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly reach: readonly PlanReach[];
  readonly drive: ProbePlan['drive'];
  readonly payload: string;
  /** The call with a short word of the same kind, where this one differs from it by its length alone. */
  readonly shortCall?: string | undefined;
}

/** What a call did: a digestible image of its value, error, arguments afterwards, callbacks and programs started. */
type Outcome = Json;

export interface ExportEntry {
  readonly path: readonly string[];
  readonly type: string;
  /** The attacked function itself, under this or another name: only input of its own kind is ordinary for it. */
  readonly isAttacked: boolean;
}

export interface Behaviour {
  readonly exports: readonly ExportEntry[] | null;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

export interface Difference {
  readonly id: string;
  readonly isEntry: boolean;
  /**
   * A guessed input that the function now refuses: it throws, gives nothing or an error, and does nothing. A fix may be
   * that strict with input that nobody documented, as long as it still does its work for some.
   */
  readonly isNarrowing: boolean;
  /** What the call did before and does now, shortened, for people. */
  readonly before: string;
  readonly after: string;
}

export interface Comparison {
  /** Calls that gave the same twice before the patch, and can be compared. */
  readonly compared: number;
  readonly comparedAtEntry: number;
  /** Of those at the attacked function, the ones that did something visible before and do the same now. */
  readonly keptAtEntry: number;
  readonly differences: readonly Difference[];
  /** Calls that do not do exactly the same, be it only that they throw otherwise: what is no breakage yet may be a loss. */
  readonly unlike: readonly string[];
  readonly missingExports: readonly string[];
}

const EXPORTS_CALLED = 24;
const PLAIN_ARGUMENTS: readonly (readonly Json[])[] = [
  [],
  ['abc'],
  [{ a: 1, b: { c: 2 } }],
  [{ a: 1 }, { b: { c: 2 } }],
  [{ a: { b: 1 } }, 'a.b'],
  [{ a: { b: 1 } }, 'a.c', 5],
  [{ a: { b: 1 } }, 'x.y.z'],
  [{ a: { b: 1 } }, ['a', 'b']],
  ['abc', 'b'],
  [[3, 1, 2]],
  [7],
];

/** Words that belong to an attack: a documented call with one of them may be the flaw at work. */
const SENSITIVE: Readonly<Record<FlawClass, RegExp>> = {
  'prototype-pollution': /__proto__|constructor|prototype/,
  'command-injection': /[;&|`$<>\n\\"'(){}*?]/,
  'code-injection': /[;(){}=`]|\b(?:function|return|require|process|global|this)\b/,
  'path-traversal': /\.\.|%|\\/,
  redos: /(.{1,3})\1{8}/s,
};
/** Where harmless input has no shape of its own: the word for a shell may be a number, a name or a path. */
const GUESSED: ReadonlySet<FlawClass> = new Set(['command-injection', 'code-injection']);
const DOCUMENTED = 8;

export interface BenignSources {
  readonly exports: readonly ExportEntry[] | null;
  /** Argument lists from documentation and tests, by the name of the function called. */
  readonly examples: Readonly<Record<string, readonly (readonly PlanValue[])[]>>;
  /** Texts that the plan's slow expression takes. */
  readonly matching?: readonly string[];
}

export function benignCalls(plan: ProbePlan, { exports, examples, matching }: BenignSources): BenignCall[] {
  const { file, format, reach, drive } = plan;
  const words = ordinaryWords(plan, matching);
  const idOf = (index: number) => `entry ${index}: ${words[index]?.word.slice(0, 60)}`;
  const guessed = words.map(
    ({ word: payload, short, isSample }, index): BenignCall => ({
      id: idOf(index),
      isEntry: true,
      isGuess: isSample === true || GUESSED.has(plan.flaw),
      ...(isSample ? { isSample } : {}),
      file,
      format,
      reach,
      drive: benignDrive(drive, payload),
      payload,
      ...(short === undefined ? {} : { shortCall: idOf(words.findIndex(({ word }) => word === short)) }),
    }),
  );
  const documented = documentedArguments(plan, examples).map(
    (args, index): BenignCall => ({
      id: `documented ${index}: ${JSON.stringify(args.map(plainOf)).slice(1, -1).slice(0, 60)}`,
      isEntry: true,
      isGuess: false,
      file,
      format,
      reach,
      drive: { ...drive, args } as ProbePlan['drive'],
      payload: '',
    }),
  );
  const others = (exports ?? []).filter(({ type, isAttacked }) => type === 'function' && !isAttacked);
  const elsewhere = others.slice(0, EXPORTS_CALLED).flatMap(({ path }) =>
    PLAIN_ARGUMENTS.map(
      (args, index): BenignCall => ({
        id: `${path.join('.') || 'module'} ${index}`,
        isEntry: false,
        isGuess: false,
        file,
        format,
        reach: path.map((name) => ({ kind: 'get', name })),
        drive: { kind: 'call', args: args.map((value): PlanValue => ({ kind: 'json', value })), after: [] },
        payload: '',
      }),
    ),
  );
  return [...documented, ...guessed, ...elsewhere];
}

/** Calls whose arguments are all written out, without a word of the attack in them. */
function documentedArguments({ flaw, reach, drive }: ProbePlan, examples: BenignSources['examples']): PlanValue[][] {
  if (drive.kind !== 'call' && drive.kind !== 'construct') return [];
  // What the package itself is called as in its documentation is collected under this name.
  const name = reach.length === 0 ? 'main' : (reach.findLast((step) => step.kind === 'get')?.name ?? '');
  const lists = Object.hasOwn(examples, name) ? (examples[name] ?? []) : [];
  return lists
    .filter((args) => args.length > 0 && args.every(isWrittenOut) && !SENSITIVE[flaw].test(textsIn(args)))
    .slice(0, DOCUMENTED)
    .map((args) => [...args]);
}

function isWrittenOut(value: PlanValue): boolean {
  if (value.kind === 'array') return value.items.every(isWrittenOut);
  if (value.kind === 'object') return value.members.every(([, member]) => isWrittenOut(member));
  return value.kind === 'json' || value.kind === 'callback';
}

function plainOf(value: PlanValue): Json {
  if (value.kind === 'array') return value.items.map(plainOf);
  if (value.kind === 'object')
    return Object.fromEntries(value.members.map(([name, member]) => [name, plainOf(member)]));
  return value.kind === 'json' ? value.value : value.kind;
}

/** Every text in the arguments, names included, without the marks of JSON. */
function textsIn(args: readonly PlanValue[]): string {
  const texts: string[] = [];
  const visit = (value: Json): void => {
    if (typeof value === 'string') texts.push(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (value !== null && typeof value === 'object')
      for (const [name, member] of Object.entries(value)) {
        texts.push(name);
        visit(member as Json);
      }
  };
  args.map(plainOf).forEach(visit);
  return texts.join(' ');
}

function benignDrive(drive: ProbePlan['drive'], payload: string): ProbePlan['drive'] {
  return 'requestTarget' in drive && drive.requestTarget !== undefined ? { ...drive, requestTarget: payload } : drive;
}

export function compareBehaviour(
  calls: readonly BenignCall[],
  before: readonly [Behaviour, Behaviour],
  after: Behaviour,
): Comparison {
  const promised = calls.filter(({ id }) => {
    const [first, second] = before.map(({ outcomes }) => outcomes.get(id));
    return first !== undefined && isPromise(first) && JSON.stringify(first) === JSON.stringify(second);
  });
  const is = (call: BenignCall) => before[0].outcomes.get(call.id) ?? null;
  const now = (call: BenignCall) => after.outcomes.get(call.id) ?? null;
  const isSame = (call: BenignCall) => isLike(is(call), now(call));
  const entry = promised.filter(({ isEntry }) => isEntry);
  const atWork = callsAtWork(entry.filter(isSame), is);
  const isSampleKept = promised.some((call) => call.isSample && isSame(call));
  const kept = new Set((after.exports ?? []).map(({ path, type }) => `${path.join('.')} ${type}`));
  return {
    compared: promised.length,
    comparedAtEntry: entry.length,
    keptAtEntry: atWork.size,
    unlike: promised.filter((call) => !isSame(call)).map(({ id }) => id),
    differences: promised
      .filter((call) => !isSame(call) && !losesNothing(is(call), now(call)) && !(call.isSample && isSampleKept))
      .map((call) => ({
        id: call.id,
        isEntry: call.isEntry,
        isNarrowing: call.isGuess && !atWork.has(call.shortCall ?? '') && isRefusal(now(call)),
        before: shorten(is(call)),
        after: shorten(now(call)),
      })),
    missingExports: (before[0].exports ?? [])
      .filter(({ path, type }) => !kept.has(`${path.join('.')} ${type}`))
      .map(({ path }) => path.join('.') || '(the module itself)'),
  };
}

interface Parts {
  readonly value?: Json;
  /** The name of the error; undefined where none was thrown. */
  readonly threw: string | undefined;
  /** The arguments, by the call. */
  readonly isChanged: boolean;
  readonly calls: string;
  readonly started: readonly Json[];
}

function partsOf(outcome: Outcome): Parts | undefined {
  if (outcome === null || typeof outcome !== 'object' || Array.isArray(outcome)) return undefined;
  const { result, isChanged, calls, started } = outcome as Readonly<Record<string, Json>>;
  if (result === null || typeof result !== 'object' || Array.isArray(result)) return undefined;
  return {
    threw: result !== undefined && 'threw' in result ? String(result.threw) : undefined,
    ...(result !== undefined && 'value' in result ? { value: result.value as Json } : {}),
    isChanged: isChanged === true,
    calls: JSON.stringify(calls ?? []),
    started: Array.isArray(started) ? started : [],
  };
}

/** A call that ended the process or failed as program text promised nothing. */
function isPromise(outcome: Outcome): boolean {
  const parts = partsOf(outcome);
  return parts !== undefined && !/^(?:Syntax|Reference)Error$/.test(parts.threw ?? '');
}

/** The same; or several servers listen now, and what was answered before is still answered by some of them. */
function isLike(before: Outcome, after: Outcome): boolean {
  const [was, now] = [partsOf(before), partsOf(after)];
  const answers = answersIn(now?.value);
  if (was === undefined || now === undefined || answers === undefined) return isEqual(before, after);
  const answered = answersIn(was.value) ?? [was.value ?? null];
  return answered.every((one) => answers.some((other) => isEqual(one, other)));
}

const isEqual = (one: Json, other: Json): boolean => JSON.stringify(one) === JSON.stringify(other);

const answersIn = (value: Json | undefined): readonly Json[] | undefined =>
  Array.isArray(value) && value[0] === 'text servers' ? value.slice(1) : undefined;

/** It threw, or what it promised never came: a user can miss no more than what it called back and started on the way. */
function losesNothing(before: Outcome, after: Outcome): boolean {
  const [was, now] = [partsOf(before), partsOf(after)];
  if (was === undefined || (was.threw === undefined && was.value !== 'text never')) return false;
  if (was.calls === '[]' && was.started.length === 0) return true;
  return now !== undefined && JSON.stringify([was.calls, was.started]) === JSON.stringify([now.calls, now.started]);
}

const EMPTY = ['undefined undefined', null, false, 'number NaN', 'text ', 'emitter undefined'];

function isNothing(value: Json | undefined): boolean {
  const text = JSON.stringify(value ?? null);
  return (
    value === undefined ||
    EMPTY.some((one) => JSON.stringify(one) === text) ||
    /^(?:\{"error":|\["text [45]\d\d")/.test(text)
  );
}

/** It gives nothing or an error, and does nothing. */
function isRefusal(outcome: Outcome): boolean {
  const parts = partsOf(outcome);
  if (parts === undefined) return false;
  const isToldError = parts.calls === '[]' || /^\[\[(?:\{"error":|"text )/.test(parts.calls);
  return (parts.threw !== undefined || isNothing(parts.value)) && isToldError && parts.started.length === 0;
}

/**
 * It gave something, called back, started a program or tripped over its input: a function that does nothing, or refuses
 * everything, would look otherwise.
 */
function isTelling(outcome: Outcome): boolean {
  const parts = partsOf(outcome);
  if (parts === undefined) return false;
  if (parts.threw !== undefined) return /^(?:Type|Range|URI)Error$/.test(parts.threw);
  const did = parts.calls !== '[]' || parts.started.length > 0 || parts.isChanged;
  return did || parts.value === false || !isNothing(parts.value);
}

/** What is done with an empty word nobody will miss: a patch that refuses every other one may leave it. */
const isMissed = (call: BenignCall): boolean => !(call.isGuess && call.payload === '');

/** Those that show the function at work. Different answers to different input do, be they `null` and an error. */
function callsAtWork(calls: readonly BenignCall[], outcomeOf: (call: BenignCall) => Outcome): Set<string> {
  const missed = calls.filter(isMissed);
  const answers = new Set(missed.map((call) => JSON.stringify({ ...partsOf(outcomeOf(call)), isChanged: false })));
  const telling = answers.size > 1 ? missed : missed.filter((call) => isTelling(outcomeOf(call)));
  return new Set(telling.map(({ id }) => id));
}

const SHOWN_CHARACTERS = 80;

function shorten(outcome: Outcome): string {
  const parts = partsOf(outcome);
  if (parts === undefined) return String(outcome);
  const said = parts.threw !== undefined ? 'throws' : `gives ${JSON.stringify(parts.value ?? null)}`;
  const ran = parts.started.length > 0 ? `, starts ${JSON.stringify(parts.started)}` : '';
  const called = parts.calls === '[]' ? '' : `, calls back ${parts.calls}`;
  return (said + ran + called).slice(0, SHOWN_CHARACTERS);
}

/** Ways to functions, the shortest first, for calls and variants. */
export function functionsOf(exports: readonly ExportEntry[] | null): string[][] {
  return (exports ?? []).filter(({ type }) => type === 'function').map(({ path }) => [...path]);
}
