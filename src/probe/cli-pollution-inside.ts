/**
 * What a command-line program is started with to see whether its words come to the prototype of every object: names and
 * values of options that lead there, texts it may read as JSON, and paths it may follow. Every word has a canary of its
 * own, so that one run tries many.
 */
import { argumentLists, type Word } from './cli-lists-inside.ts';
import type { ProgramWords } from './cli-words-inside.ts';

export interface Trial {
  readonly list: readonly Word[];
  /** The payload of each word that has a marker, by its place in the list. */
  readonly payloads: ReadonlyMap<number, string>;
}

/** Parsers of arguments make objects of the dots and brackets in an option's name. */
const OPTIONS = [
  '--__proto__.{{canary}}=1',
  '--constructor.prototype.{{canary}}=1',
  '--a.__proto__.{{canary}}=1',
  '--a.constructor.prototype.{{canary}}=1',
  '--__proto__[{{canary}}]=1',
];
const OPTION_BEFORE_VALUE = '--__proto__.{{canary}}';

const WORDS = [
  '{"__proto__":{"{{canary}}":"1"}}',
  '__proto__.{{canary}}=1',
  '__proto__.{{canary}}',
  '{"constructor":{"prototype":{"{{canary}}":"1"}}}',
  'constructor.prototype.{{canary}}=1',
  'constructor.prototype.{{canary}}',
  '__proto__[{{canary}}]=1',
  '{"a":{"__proto__":{"{{canary}}":"1"}}}',
  '__proto__/{{canary}}',
];
const ROUNDS = 4;
const LISTS = 14;
const COMMANDS = 3;

const fixed = (text: string): Word => ({ text, marker: '', plain: text, option: '' });
/** Left out where another word of the list is tried by itself. */
const option = (marker: string): Word => ({ text: marker, marker, plain: '', option: '' });

function byOptions(lead: readonly Word[]): Trial[] {
  const options = OPTIONS.map((_, at) => option(`option${at}`));
  const first = lead.length;
  return [
    { list: [...lead, ...options], payloads: new Map(OPTIONS.map((payload, at) => [first + at, payload])) },
    { list: [...lead, option('option'), fixed('1')], payloads: new Map([[first, OPTION_BEFORE_VALUE]]) },
  ];
}

function byWords(list: readonly Word[], round: number): Trial {
  const marked = [...list.keys()].filter((at) => list[at]?.marker !== '');
  return {
    list,
    payloads: new Map(marked.map((at, index) => [at, WORDS[(index + round) % WORDS.length] ?? ''])),
  };
}

export function pollutingTrials(words: ProgramWords): readonly Trial[] {
  const leads = [[], ...words.commands.slice(0, COMMANDS).map((command) => [fixed(command)])];
  const lists = argumentLists(words).slice(0, LISTS);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => lists.map((list) => byWords(list, round)));
  return [...leads.flatMap(byOptions), ...rounds.flat()];
}

/** The same with the payload in one word alone. */
export function alone({ list, payloads }: Trial, at: number): Trial {
  const kept = [...list.keys()].filter((place) => place === at || list[place]?.plain !== '');
  return {
    list: kept.flatMap((place) => list[place] ?? []),
    payloads: new Map([[kept.indexOf(at), payloads.get(at) ?? '']]),
  };
}
