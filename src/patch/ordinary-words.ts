/** Harmless input for an attacked function, of the shape its payload has. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { ProbePlan } from '../probe/index.ts';

export interface OrdinaryWord {
  readonly word: string;
  /** The word that this one only makes longer. */
  readonly short?: string;
  /** Made from the slow expression, which takes it: nobody showed that the function does. */
  readonly isSample?: boolean;
}

const WORDS: Readonly<Record<FlawClass, readonly string[]>> = {
  'prototype-pollution': [
    'a',
    'a.b',
    'a.b.c',
    'name',
    'x[0].y',
    'a/b',
    '/a/b',
    'list.0',
    'a=1',
    'a[b]=1',
    '[s]\na=1\n',
  ],
  'command-injection': ['abc', 'file.txt', '1234', 'user-name', 'v1.2.3', 'main', 'src/a', 'example.org', 'a_b', ''],
  'code-injection': ['1', '"abc"', '{"a":1}', '[1,2]', 'true', 'abc', 'null', '12.5', '{"a":{"b":"c"}}', 'a.b', ''],
  'path-traversal': ['/', '/index.html', '/a.txt', '/b/c.txt', '/missing', '/a.txt?x=1', '/b/'],
  redos: [
    'abc',
    '',
    'a b c',
    '123',
    'foo@example.org',
    '<div class="x">',
    'a,b;c',
    '2020-01-02',
    'https://example.org/a?b=c',
    '#fff',
    '1.2.3',
    '"q"',
    '  x  ',
    'a\nb',
    '- x\n- y',
  ],
};

const OBJECTS = [
  '{}',
  '{"a":1}',
  '{"a":{"b":1}}',
  '{"a":{"b":{"c":[1,2]}},"d":"e"}',
  '{"name":"x","nested":{"deep":true},"n":null}',
  '{"list":[1,{"x":2}],"t":"u"}',
  '{"0":"zero","x-y":{"z":""}}',
];
/** A list of keys leads to a place; what it would mean to find an object among them, no user can rely on. */
const KEYS = ['["a"]', '["a","b"]', '["a","b","c"]', '["list",0]', '["x"]', '[]'];
const LISTS = ['[{"a":1},{"a":{"b":2}}]', '[{"a":1}]', '[{"name":"x","list":[1]}]', '["a"]', '["a","b"]', '[]'];
/** As long as a payload: a patch that takes the short word and refuses the long one has only measured it. */
const LONG = 'abcdefghij'.repeat(7);
const LENGTHENED: Readonly<Record<FlawClass, readonly Required<Pick<OrdinaryWord, 'word' | 'short'>>[]>> = {
  'prototype-pollution': [
    { short: 'a', word: LONG },
    { short: 'a.b', word: `a.${LONG}` },
    { short: '{"a":1}', word: `{"${LONG}":1}` },
    { short: '["a","b"]', word: `["a","${LONG}"]` },
  ],
  'command-injection': [{ short: 'abc', word: LONG }],
  'code-injection': [
    { short: 'abc', word: LONG },
    { short: '"abc"', word: `"${LONG}"` },
  ],
  'path-traversal': [{ short: '/a.txt?x=1', word: `/a.txt?x=${LONG}` }],
  // A bound on the length is what mends a slow expression.
  redos: [],
};

/** Every object has them; what an ordinary call finds under these names is what a fix changes. */
const INHERITED = /__proto__|constructor|prototype|toString|valueOf|hasOwnProperty/g;

/** `matching`: what a slow expression takes, which is what its function is for, and often nothing else shows it at work. */
export function ordinaryWords(
  plan: Pick<ProbePlan, 'flaw' | 'payload' | 'drive'>,
  matching: readonly string[] = [],
): readonly OrdinaryWord[] {
  const words = wordsLike(plan);
  const samples = matching.map((word) => ({ word, isSample: true }));
  const own = [...ownWords(plan), ...samples].filter(({ word }) => !words.includes(word));
  const long = LENGTHENED[plan.flaw].filter(({ short }) => words.includes(short));
  return [...words.map((word) => ({ word })), ...own, ...long];
}

/** The payload as it would stand in a document: written as it is, with nothing dangerous in it. */
function ownWords({ flaw, payload }: Pick<ProbePlan, 'flaw' | 'payload'>): readonly OrdinaryWord[] {
  // A list among the keys of a list is part of the attack itself.
  const isAttack = !payload.includes('{{canary}}') || /^\s*\[.*\["/s.test(payload);
  if (flaw !== 'prototype-pollution' || isAttack) return [];
  const harmless = payload.replace(INHERITED, 'b');
  const word = harmless.replaceAll('{{canary}}', 'c');
  return [{ word }, { word: harmless.replaceAll('{{canary}}', LONG), short: word }];
}

function wordsLike({ flaw, payload, drive }: Pick<ProbePlan, 'flaw' | 'payload' | 'drive'>): readonly string[] {
  const isParsed = 'args' in drive && JSON.stringify(drive.args).includes('"text":"{{payload}}"');
  if (flaw !== 'prototype-pollution') return WORDS[flaw];
  if (isParsed && /^\s*\[/.test(payload)) return /^[\s[]*\{/.test(payload) ? LISTS : KEYS;
  if (isParsed || /^\s*\{/.test(payload)) return OBJECTS;
  return WORDS[flaw];
}
