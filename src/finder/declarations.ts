/**
 * Reads what a `.d.ts` file says of calls: names of functions, parameters and their types. Not a compiler: what it does
 * not understand it passes over. The text is hostile: bounded in characters, tokens, depth and number of results, and
 * every step of the reader moves forward.
 */
import { pairsOf, type Token, tokensOf } from './declaration-tokens.ts';

export type DeclaredType =
  | { readonly kind: 'text' | 'number' | 'boolean' | 'nothing' | 'unknown' }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'union'; readonly of: readonly DeclaredType[] }
  | { readonly kind: 'array'; readonly of: DeclaredType }
  | { readonly kind: 'function'; readonly parameters: readonly DeclaredParameter[] }
  | {
      readonly kind: 'object';
      readonly members: readonly (readonly [name: string, type: DeclaredType])[];
      readonly calls: readonly (readonly DeclaredParameter[])[];
    }
  | { readonly kind: 'reference'; readonly name: string; readonly of: readonly DeclaredType[] };

export interface DeclaredParameter {
  readonly name: string;
  readonly type: DeclaredType;
  readonly optional: boolean;
  readonly rest: boolean;
}

export interface DeclaredCall {
  readonly name: string;
  readonly parameters: readonly DeclaredParameter[];
}

export interface Declarations {
  readonly calls: readonly DeclaredCall[];
  readonly types: ReadonlyMap<string, DeclaredType>;
  /** Names of what the module as a whole is: `export default name`, `export = name`. */
  readonly mains: ReadonlySet<string>;
}

const DEPTH = 24;
const CALLS = 600;
const MEMBERS = 60;

const END: Token = { kind: 'sign', text: '' };
const UNKNOWN: DeclaredType = { kind: 'unknown' };
const MODIFIERS = new Set(
  'export declare default abstract async public protected static readonly get set override accessor'.split(' '),
);
const PREFIXES = new Set('new readonly keyof typeof unique asserts infer abstract'.split(' '));
const SIMPLE: Readonly<Record<string, DeclaredType>> = {
  string: { kind: 'text' },
  number: { kind: 'number' },
  bigint: { kind: 'number' },
  boolean: { kind: 'boolean' },
  true: { kind: 'literal', value: true },
  false: { kind: 'literal', value: false },
  null: { kind: 'nothing' },
  undefined: { kind: 'nothing' },
  void: { kind: 'nothing' },
  never: { kind: 'nothing' },
  any: UNKNOWN,
  unknown: UNKNOWN,
  symbol: UNKNOWN,
  this: UNKNOWN,
};

class Reader {
  readonly #tokens: readonly Token[];
  readonly #pairs: ReadonlyMap<number, number>;
  readonly #calls: DeclaredCall[] = [];
  readonly #types = new Map<string, DeclaredType>();
  readonly #mains = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#tokens = tokensOf(source);
    this.#pairs = pairsOf(this.#tokens);
  }

  read(): Declarations {
    while (this.#at < this.#tokens.length) this.#statement();
    return { calls: this.#calls, types: this.#types, mains: this.#mains };
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? END;
  }

  #is(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.text === text && token.kind !== 'text';
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #call(name: string, parameters: readonly DeclaredParameter[]): void {
    if (this.#calls.length < CALLS && name !== '') this.#calls.push({ name, parameters });
  }

  #statement(): void {
    let isDefault = false;
    while (this.#peek().kind === 'name' && MODIFIERS.has(this.#peek().text)) {
      isDefault ||= this.#is('default');
      this.#at++;
    }
    const word = this.#peek();
    this.#at++;
    if (word.text === '=' || isDefault) this.#main(word);
    if (word.kind !== 'name') return;
    const name = this.#peek().kind === 'name' ? this.#peek().text : '';
    if (word.text === 'function') this.#function(name, isDefault);
    else if (word.text === 'class' || word.text === 'interface') this.#body(word.text, name, isDefault);
    else if (word.text === 'type' && name !== '') this.#alias(name);
    else if (['const', 'let', 'var'].includes(word.text) && name !== '') this.#variable(name);
  }

  /** `export = name` and `export default name`. */
  #main(word: Token): void {
    const named = word.text === '=' ? this.#peek() : word;
    if (named.kind === 'name') this.#mains.add(named.text);
  }

  #function(name: string, isDefault: boolean): void {
    if (name !== '') this.#at++;
    if (this.#is('<')) this.#skipPair();
    if (!this.#is('(')) return;
    const parameters = this.#parameters();
    this.#call(name, parameters);
    if (isDefault) this.#call('main', parameters);
    if (this.#take(':')) this.#type();
  }

  #body(word: string, name: string, isDefault: boolean): void {
    if (name !== '') this.#at++;
    if (isDefault) this.#mains.add(name);
    // Type parameters, what it extends and implements.
    while (this.#at < this.#tokens.length && !this.#is('{') && !this.#is(';'))
      if (this.#is('<')) this.#skipPair();
      else this.#at++;
    if (!this.#is('{')) return;
    const type = this.#object(name);
    const known = this.#types.get(name);
    if (word === 'interface' && name !== '')
      this.#types.set(
        name,
        known?.kind === 'object' && type.kind === 'object'
          ? { ...known, members: [...known.members, ...type.members] }
          : type,
      );
  }

  #alias(name: string): void {
    this.#at++;
    if (this.#is('<')) this.#skipPair();
    if (this.#take('=')) this.#types.set(name, this.#type());
  }

  #variable(name: string): void {
    this.#at++;
    if (!this.#take(':')) return;
    const type = this.#type();
    if (type.kind === 'function') this.#call(name, type.parameters);
    else if (type.kind === 'object') for (const parameters of type.calls) this.#call(name, parameters);
    // A name for a type that may be callable: settled once all types are known.
    else if (type.kind === 'reference') this.#types.set(`= ${name}`, type);
  }

  /** From an opening sign past its closing one; type parameters may hold arrows, whose sign is one of its own. */
  #skipPair(): void {
    if (!this.#is('<')) {
      this.#at = (this.#pairs.get(this.#at) ?? this.#tokens.length) + 1;
      return;
    }
    let depth = 0;
    do {
      if (this.#is('<')) depth++;
      else if (this.#is('>')) depth--;
      this.#at++;
    } while (depth > 0 && this.#at < this.#tokens.length);
  }

  #parameters(): DeclaredParameter[] {
    const parameters: DeclaredParameter[] = [];
    this.#at++;
    while (this.#at < this.#tokens.length && !this.#take(')')) {
      const from = this.#at;
      const rest = this.#take('...');
      while (this.#peek().kind === 'name' && MODIFIERS.has(this.#peek().text) && this.#peek(1).kind === 'name')
        this.#at++;
      let name = '';
      if (this.#is('{') || this.#is('[')) this.#skipPair();
      else if (this.#peek().kind === 'name') {
        name = this.#peek().text;
        this.#at++;
      }
      const optional = this.#take('?');
      const type = this.#take(':') ? this.#type() : UNKNOWN;
      if (name !== 'this' && parameters.length < 10) parameters.push({ name, type, optional, rest });
      this.#take(',');
      if (this.#at === from) this.#at++;
    }
    return parameters;
  }

  #type(): DeclaredType {
    if (this.#depth >= DEPTH) {
      this.#at++;
      return UNKNOWN;
    }
    this.#depth++;
    const types: DeclaredType[] = [];
    this.#take('|');
    do {
      this.#take('&');
      let type = this.#single();
      while (this.#take('&')) type = joined(type, this.#single());
      if (types.length < MEMBERS) types.push(type);
    } while (this.#take('|'));
    // A conditional type: either branch.
    if (this.#is('extends')) {
      this.#at++;
      this.#type();
      if (this.#take('?')) types.splice(0, types.length, this.#type());
      if (this.#take(':')) types.push(this.#type());
    }
    this.#depth--;
    return types.length === 1 ? (types[0] ?? UNKNOWN) : { kind: 'union', of: types };
  }

  #single(): DeclaredType {
    let type = this.#primary();
    while (this.#is('[')) {
      const isArray = this.#is(']', 1);
      this.#skipPair();
      if (isArray) type = { kind: 'array', of: type };
    }
    return type;
  }

  #primary(): DeclaredType {
    let isKey = false;
    while (this.#is('<') || (this.#peek().kind === 'name' && PREFIXES.has(this.#peek().text)))
      if (this.#is('<')) this.#skipPair();
      else {
        isKey ||= this.#is('keyof');
        this.#at++;
      }
    const token = this.#peek();
    if (token.text === '{' && token.kind === 'sign') return this.#object('');
    if (this.#is('(')) return this.#parenthesis();
    if (this.#is('[')) return this.#tuple();
    if (token.kind === 'sign') return UNKNOWN;
    this.#at++;
    if (token.kind === 'text') return { kind: 'literal', value: token.text.slice(0, 200) };
    if (token.kind === 'number') return { kind: 'literal', value: Number.parseFloat(token.text) || 0 };
    const type = this.#named(token.text);
    return isKey ? { kind: 'text' } : type;
  }

  #named(first: string): DeclaredType {
    let name = first;
    while (this.#is('.') && this.#peek(1).kind === 'name') {
      name = this.#peek(1).text;
      this.#at += 2;
    }
    const of: DeclaredType[] = [];
    if (this.#take('<'))
      while (this.#at < this.#tokens.length && !this.#take('>')) {
        const from = this.#at;
        of.push(this.#type());
        this.#take(',');
        if (this.#at === from) this.#at++;
      }
    // `value is string` is a boolean.
    if (this.#take('is')) {
      this.#type();
      return { kind: 'boolean' };
    }
    return Object.hasOwn(SIMPLE, name) ? (SIMPLE[name] ?? UNKNOWN) : { kind: 'reference', name, of };
  }

  /** A type in parentheses, or a function. */
  #parenthesis(): DeclaredType {
    const close = this.#pairs.get(this.#at) ?? this.#tokens.length;
    if (this.#tokens[close + 1]?.text === '=>') {
      const parameters = this.#parameters();
      this.#take('=>');
      this.#type();
      return { kind: 'function', parameters };
    }
    this.#at++;
    const type = this.#type();
    this.#take(')');
    return type;
  }

  #tuple(): DeclaredType {
    const of: DeclaredType[] = [];
    this.#at++;
    while (this.#at < this.#tokens.length && !this.#take(']')) {
      const from = this.#at;
      of.push(this.#type());
      this.#take(',');
      if (this.#at === from) this.#at++;
    }
    return { kind: 'array', of: of.length === 1 ? (of[0] ?? UNKNOWN) : { kind: 'union', of } };
  }

  /** The members between braces; methods are calls of their own. `owner`: the class or interface, for constructors. */
  #object(owner: string): DeclaredType {
    const members: (readonly [string, DeclaredType])[] = [];
    const calls: (readonly DeclaredParameter[])[] = [];
    this.#at++;
    while (this.#at < this.#tokens.length && !this.#take('}')) {
      const from = this.#at;
      this.#member(owner, members, calls);
      if (this.#at === from) this.#at++;
    }
    return { kind: 'object', members: members.slice(0, MEMBERS), calls };
  }

  #member(owner: string, members: (readonly [string, DeclaredType])[], calls: (readonly DeclaredParameter[])[]): void {
    while (this.#peek().kind === 'name' && MODIFIERS.has(this.#peek().text) && /^[A-Za-z_$]/.test(this.#peek(1).text))
      this.#at++;
    if (this.#is('[')) {
      // An index signature or a computed name: any name will do.
      this.#skipPair();
      this.#take('?');
      if (this.#take(':')) members.push(['x', this.#type()]);
      return;
    }
    const token = this.#peek();
    if (token.text === '<') this.#skipPair();
    const isCall = this.#is('(');
    if (!isCall) {
      if (token.kind === 'sign') return;
      this.#at++;
      this.#take('?');
      if (this.#is('<')) this.#skipPair();
    }
    if (this.#is('(')) {
      const parameters = this.#parameters();
      if (this.#take(':')) this.#type();
      if (isCall || token.text === 'new') calls.push(parameters);
      if (isCall || token.text === 'new' || token.text === 'constructor') this.#call(owner, parameters);
      else {
        this.#call(token.text, parameters);
        members.push([token.text, { kind: 'function', parameters }]);
      }
    } else if (this.#take(':')) {
      const type = this.#type();
      if (type.kind === 'function') this.#call(token.text, type.parameters);
      members.push([token.text, type]);
    }
  }
}

function joined(left: DeclaredType, right: DeclaredType): DeclaredType {
  if (left.kind !== 'object') return right.kind === 'object' ? right : left;
  return right.kind === 'object' ? { ...left, members: [...left.members, ...right.members].slice(0, MEMBERS) } : left;
}

export function readDeclarations(source: string): Declarations {
  return new Reader(source).read();
}
