/**
 * What a crash report says, made comparable.
 *
 * A stack frame without what differs between builds: template arguments, parameters, return type, anonymous and inline
 * namespaces, clones of the compiler, interceptors. Reports cut names at some length, so brackets may stay open.
 */

/** Where crash reports cut a frame, characters. */
const CUT = 80;

export interface Frame {
  /** Comparable name: `OT::LigatureSubst::dispatch`. */
  readonly name: string;
  /** Class or namespace, or a C function's first word: `OT::LigatureSubst`. */
  readonly scope: string;
  /** Words of the name, lower case. */
  readonly words: readonly string[];
  readonly isCut: boolean;
}

const CLONE =
  /(?:\.(?:cold|part|isra|constprop|llvm|lto_priv|localalias)(?:\.\d+)*|\s*\[clone [^\]]*\]|@plt|::h[0-9a-f]{16})+$/;
const INTERCEPTOR = /^_{2,3}(?:interceptor|wrap|sanitizer|asan|msan)_/;
const INLINE_NAMESPACE = /\bstd::(?:__1|__Cr|__ndk1|__cxx11|__2)::/g;
const ANONYMOUS = /\(anonymous(?: namespace| class)?\)::|\{anonymous\}::|`anonymous namespace'::|_GLOBAL__N_1::/g;
const LAMBDA = /::(?:\$_\d+|\{lambda[^}]*\}?|'lambda\d*'|operator\(\)).*$/;
const THUNK = /^(?:non-virtual|virtual) thunk to /;

export function readFrame(text: string): Frame {
  const isCut = text.length >= CUT;
  let name = text
    .trim()
    .replace(THUNK, '')
    .replace(CLONE, '')
    .replace(ANONYMOUS, '')
    .replace(INLINE_NAMESPACE, 'std::')
    .replace(LAMBDA, '');
  const operator =
    /operator\s*(?:\(\)|\[\]|->\*?|<=>|<<=?|>>=?|<=|>=|<|>|[^\w\s(]{1,3}|\s(?:new|delete)(?:\[\])?)/.exec(name);
  const tail = operator ? operator[0].replaceAll(/\s+/g, '') : '';
  if (operator) name = `${name.slice(0, operator.index)}operator`;
  name = withoutBrackets(name);
  name = name.trim();
  // The return type stands before the last blank that is outside all brackets.
  name = name.slice(name.lastIndexOf(' ') + 1).replace(/^[*&]+/, '');
  name = `${name.replace(INTERCEPTOR, '')}${tail === '' ? '' : tail.slice('operator'.length)}`;
  if (name === '') name = text.trim();
  return { name, scope: scopeOf(name), words: wordsOf(name), isCut };
}

/** The text outside `<…>` and `(…)`; an open bracket that is never closed was cut off with the rest. */
function withoutBrackets(text: string): string {
  let depth = 0;
  let kept = '';
  for (const letter of text) {
    if (letter === '<' || letter === '(') depth += 1;
    else if ((letter === '>' || letter === ')') && depth > 0) depth -= 1;
    else if (depth === 0) kept += letter;
  }
  return kept;
}

function scopeOf(name: string): string {
  const at = name.lastIndexOf('::');
  if (at > 0) return name.slice(0, at);
  return /^_*[A-Za-z0-9]+(?=_)|^_*[A-Z]?[a-z0-9]+(?=[A-Z])/.exec(name)?.[0] ?? name;
}

/** Words of a name in camel case, snake case or both. */
export function wordsOf(text: string): readonly string[] {
  const words = text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 1);
  return [...new Set(words)];
}

/** What a sanitizer says in words: kind of flaw, its family, reading or writing, and how many bytes. */
export interface CrashType {
  readonly kind: string;
  readonly family: 'bounds' | 'lifetime' | 'uninitialised' | 'wild' | 'arithmetic' | 'stack' | 'other';
  readonly access: 'read' | 'write' | 'unknown';
  readonly bytes: string;
}

const FAMILIES: readonly (readonly [RegExp, CrashType['family']])[] = [
  [/uninitialized/, 'uninitialised'],
  [/use-after|double-free|invalid-free|bad-free|bad-cast|use-after-poison|alloc-dealloc/, 'lifetime'],
  [/stack-overflow|out-of-memory|timeout/, 'stack'],
  [/overflow|underflow|out-of-bounds|negative-size|overlap|memcpy/, 'bounds'],
  [/unknown|segv|null|bus/, 'wild'],
  [/integer|shift|divide|float|bool|enum|undefined|alignment|incorrect-function/, 'arithmetic'],
];

export function readCrashType(text: string): CrashType {
  const match = /^(.*?)(?:\s+(READ|WRITE)(?:\s+(\S+))?)?$/i.exec(text.trim());
  const kind = (match?.[1] ?? text).toLowerCase();
  const access = match?.[2]?.toLowerCase();
  return {
    kind,
    family: FAMILIES.find(([pattern]) => pattern.test(kind))?.[1] ?? 'other',
    access: access === 'read' || access === 'write' ? access : 'unknown',
    bytes: match?.[3] ?? '',
  };
}
