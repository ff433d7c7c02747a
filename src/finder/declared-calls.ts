/** Argument lists made from declared types: texts carry the payload, everything else is what its type asks for. */
import type { PlanValue } from '../probe/index.ts';
import type { Declarations, DeclaredCall, DeclaredParameter, DeclaredType } from './declarations.ts';

export interface DeclaredHints {
  /** By the name of the function called; `main` for the module itself. */
  readonly signatures: Readonly<Record<string, readonly (readonly PlanValue[])[]>>;
  /** Names of properties of parameters that are objects. */
  readonly options: readonly string[];
}

const DEPTH = 4;
/** Values in all argument lists of one call. */
const VALUES = 2000;
const MEMBERS = 16;
const LISTS_PER_NAME = 8;
const NAMES = 200;
const OPTIONS = 40;
/** Properties whose literal values are tried one by one, and values of each. */
const CHOICES = 6;

const P: PlanValue = { kind: 'payload' };
const CALLBACK: PlanValue = { kind: 'callback' };
const TRANSPARENT = new Set([
  'Partial',
  'Readonly',
  'Required',
  'NonNullable',
  'Promise',
  'PromiseLike',
  'Pick',
  'Omit',
]);
const LISTS = new Set(['Array', 'ReadonlyArray', 'Iterable', 'Set']);
const BYTES = new Set(['Buffer', 'Uint8Array', 'ArrayBuffer', 'BufferSource']);

class Sampler {
  readonly #types: ReadonlyMap<string, DeclaredType>;
  readonly options = new Set<string>();
  #made = 0;

  constructor(types: ReadonlyMap<string, DeclaredType>) {
    this.#types = types;
  }

  resolve(type: DeclaredType, hops = 0): DeclaredType {
    if (type.kind !== 'reference' || hops > 6) return type;
    const [inner] = type.of;
    if (TRANSPARENT.has(type.name) && inner) return this.resolve(inner, hops + 1);
    const known = this.#types.get(type.name);
    return known ? this.resolve(known, hops + 1) : type;
  }

  /** Values made from here on count anew. */
  begin(): void {
    this.#made = 0;
  }

  /** `chosen`: which of several literal values to take, by the name of the property. */
  sample(declared: DeclaredType, chosen: ReadonlyMap<string, number>, depth = 0): PlanValue {
    const type = this.resolve(declared);
    if (depth > DEPTH || ++this.#made > VALUES) return P;
    switch (type.kind) {
      case 'number':
        return { kind: 'json', value: 1 };
      case 'boolean':
        return { kind: 'json', value: true };
      case 'nothing':
        return { kind: 'undefined' };
      case 'literal':
        return { kind: 'json', value: type.value };
      case 'function':
        return CALLBACK;
      case 'array':
        return { kind: 'array', items: [this.sample(type.of, chosen, depth + 1)] };
      case 'union':
        return this.sample(preferred(type.of.map((one) => this.resolve(one))), chosen, depth + 1);
      case 'object':
        return this.#object(type, chosen, depth);
      case 'reference':
        return this.#foreign(type, chosen, depth);
      default:
        return P;
    }
  }

  #object(
    type: Extract<DeclaredType, { kind: 'object' }>,
    chosen: ReadonlyMap<string, number>,
    depth: number,
  ): PlanValue {
    if (type.members.length === 0 && type.calls.length > 0) return CALLBACK;
    const members = type.members.slice(0, MEMBERS).map(([name, member]) => {
      if (this.options.size < OPTIONS) this.options.add(name);
      const choice = this.literals(member)[chosen.get(name) ?? 0];
      return [name, choice ?? this.sample(member, chosen, depth + 1)] as const;
    });
    return { kind: 'object', members };
  }

  #foreign(
    { name, of }: Extract<DeclaredType, { kind: 'reference' }>,
    chosen: ReadonlyMap<string, number>,
    depth: number,
  ): PlanValue {
    if (BYTES.has(name)) return { kind: 'buffer', of: P };
    if (name === 'Function') return CALLBACK;
    if (LISTS.has(name) && of[0]) return { kind: 'array', items: [this.sample(of[0], chosen, depth + 1)] };
    if (name === 'Record' || name === 'Map')
      return { kind: 'object', members: [['x', of[1] ? this.sample(of[1], chosen, depth + 1) : P]] };
    return P;
  }

  /** The values a type names one by one, where it names more than one. */
  literals(declared: DeclaredType): readonly PlanValue[] {
    const type = this.resolve(declared);
    if (type.kind !== 'union') return [];
    const values = type.of
      .map((one) => this.resolve(one))
      .flatMap((one): PlanValue[] => (one.kind === 'literal' ? [{ kind: 'json', value: one.value }] : []));
    return values.length > 1 ? values : [];
  }

  /** Properties with a choice, of one parameter. */
  choices(declared: DeclaredType): readonly (readonly [string, number])[] {
    const type = this.resolve(declared);
    const object = type.kind === 'union' ? preferred(type.of.map((one) => this.resolve(one))) : type;
    if (object.kind !== 'object') return [];
    return object.members.slice(0, MEMBERS).flatMap(([name, member]) =>
      this.literals(member)
        .slice(1, CHOICES)
        .map((_, at) => [name, at + 1] as const),
    );
  }
}

const RANK: readonly DeclaredType['kind'][] = [
  'object',
  'text',
  'array',
  'unknown',
  'reference',
  'literal',
  'function',
];

function preferred(types: readonly DeclaredType[]): DeclaredType {
  for (const kind of RANK) {
    const found = types.find((type) => type.kind === kind);
    if (found) return found;
  }
  return types[0] ?? { kind: 'unknown' };
}

function listsOf(parameters: readonly DeclaredParameter[], sampler: Sampler): (readonly PlanValue[])[] {
  const none = new Map<string, number>();
  sampler.begin();
  const whole = parameters.map(({ type, rest }) => {
    const resolved = sampler.resolve(type);
    return sampler.sample(rest && resolved.kind === 'array' ? resolved.of : type, none);
  });
  const asLiterals = parameters.flatMap(({ type }, at) =>
    sampler
      .literals(type)
      .slice(1, CHOICES)
      .map((value) => whole.map((other, index) => (index === at ? value : other))),
  );
  const chosen = parameters.flatMap(({ type }, at) =>
    sampler
      .choices(type)
      .slice(0, CHOICES)
      .map(([name, choice]) =>
        whole.map((other, index) => (index === at ? sampler.sample(type, new Map([[name, choice]])) : other)),
      ),
  );
  const required = whole.slice(0, parameters.findLastIndex(({ optional, rest }) => !optional && !rest) + 1);
  const shorter = required.length > 0 && required.length < whole.length ? [required] : [];
  return [whole, ...asLiterals, ...chosen, ...shorter];
}

/** Calls of a name that a variable gives to a callable type, and of what the module as a whole is. */
function namedCalls({ calls, types, mains }: Declarations, sampler: Sampler): DeclaredCall[] {
  const made = [...calls];
  for (const [key, declared] of types) {
    if (!key.startsWith('= ')) continue;
    const type = sampler.resolve(declared);
    if (type.kind === 'function') made.push({ name: key.slice(2), parameters: type.parameters });
    if (type.kind === 'object') for (const parameters of type.calls) made.push({ name: key.slice(2), parameters });
  }
  const main = made.filter(({ name }) => mains.has(name));
  return [...made, ...main.map(({ parameters }) => ({ name: 'main', parameters }))];
}

export function declaredHints(all: readonly Declarations[]): DeclaredHints {
  const types = new Map(all.flatMap((declarations) => [...declarations.types]));
  const sampler = new Sampler(types);
  const signatures = new Map<string, (readonly PlanValue[])[]>();
  for (const declarations of all)
    for (const { name, parameters } of namedCalls(declarations, sampler)) {
      if (parameters.length === 0 || (signatures.size >= NAMES && !signatures.has(name))) continue;
      const lists = signatures.get(name) ?? [];
      const known = new Set(lists.map((list) => JSON.stringify(list)));
      const fresh = listsOf(parameters, sampler).filter((list) => !known.has(JSON.stringify(list)));
      signatures.set(name, [...lists, ...fresh].slice(0, LISTS_PER_NAME));
    }
  return { signatures: Object.fromEntries(signatures), options: [...sampler.options] };
}
