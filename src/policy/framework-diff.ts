/**
 * What changed between two framework files, clause by clause. A change is material unless it is known not to be: places,
 * addresses, notes, order where order says nothing, spelling that leaves every letter and digit in place.
 *
 * Bytes that changed behind an unchanged label raise an alarm, whatever else changed.
 */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';

export interface FrameworkChange {
  readonly clause: string;
  readonly change: string;
  readonly material: boolean;
  /** The label is the same, and what it stands for is not. */
  readonly alarm?: true;
}

type Loose = { readonly [name: string]: Json };

/** Say where a clause stands or what surrounds it, never what it asks. */
const EDITORIAL = new Set(
  'loc url note modality_note corpus_text title paraphrased lastModified last_modified reviewedByLawyer'.split(' '),
);
/** Are the label. That they changed is said once, and is what a new version looks like. */
const LABEL = new Set(['version', 'effective', 'supersedes']);
/** Whose order is their meaning. */
const ORDERED = new Set(['levels']);
const MAX_SHOWN = 160;

export function diffFrameworks(before: Json, after: Json): readonly FrameworkChange[] {
  const [left, right] = [asObject(before), asObject(after)];
  const isSameLabel = ['id', 'issuer', 'version', 'effective'].every((name) => same(left[name], right[name]));
  const changes: FrameworkChange[] = [];
  for (const name of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    if (name === 'source') continue;
    if (LABEL.has(name) && !same(left[name], right[name])) {
      changes.push({ clause: name, change: `${show(left[name])} → ${show(right[name])}`, material: false });
    } else if (!LABEL.has(name)) changes.push(...diffMember(name, left[name], right[name]));
  }
  changes.push(...diffSource(asObject(left.source ?? null), asObject(right.source ?? null), isSameLabel));
  const [old, fresh] = [before, after].map((each) => sha256Hex(canonicalJson(each)));
  if (isSameLabel && old !== fresh) {
    const change = `the bytes behind the label ${show(left.version)} changed: sha256 ${old} → ${fresh}`;
    changes.push({ clause: 'label', change, material: true, alarm: true });
  }
  return changes;
}

/** Of the issuer's own bytes. Under a new label they are expected to be others. */
function diffSource(left: Loose, right: Loose, isSameLabel: boolean): FrameworkChange[] {
  const hashes = hashesIn(left);
  const fresh = [...hashesIn(right)].filter((hash) => !hashes.has(hash));
  if (isSameLabel && hashes.size > 0 && fresh.length > 0) {
    const change = `other bytes of the source under the same label: ${fresh.join(', ')}`;
    return [{ clause: 'source', change, material: true, alarm: true }];
  }
  if (same(left, right)) return [];
  return [{ clause: 'source', change: `${show(left)} → ${show(right)}`, material: false }];
}

function hashesIn(source: Loose): Set<string> {
  const { variants, variants_same_label: seen } = source;
  const list = [variants, seen].flatMap((each) => (Array.isArray(each) ? (each as readonly Loose[]) : []));
  const own = [source.sha256, source.sha256Prefix, source.sha256_prefix];
  return new Set(
    [...own, ...list.flatMap(({ md5, sha256 }) => [md5, sha256])].flatMap((each) =>
      typeof each === 'string' ? [each] : [],
    ),
  );
}

function diffMember(name: string, left: Json | undefined, right: Json | undefined): FrameworkChange[] {
  const [before, after] = [itemsOf(left), itemsOf(right)];
  if (!before && !after) return diffValue(name, name, left, right);
  const [old, fresh] = [before ?? new Map<string, Json>(), after ?? new Map<string, Json>()];
  const changes = [...new Set([...old.keys(), ...fresh.keys()])].flatMap((id) =>
    diffValue(`${name}/${id}`, name, old.get(id), fresh.get(id)),
  );
  return changes;
}

/** A list of things with names, as a map; undefined where it is none. */
function itemsOf(value: Json | undefined): Map<string, Json> | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const named = value.map((each: Json): [string, Json] | undefined => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return undefined;
    const { id, kind, for: what, step, level } = each as Loose;
    const name = id ?? kind ?? what ?? step ?? level;
    return name === undefined ? undefined : [String(name), each];
  });
  const whole = named.filter((each) => each !== undefined);
  return whole.length === value.length && new Map(whole).size === value.length ? new Map(whole) : undefined;
}

function diffValue(clause: string, name: string, left: Json | undefined, right: Json | undefined): FrameworkChange[] {
  if (same(left, right)) return [];
  const material = isMaterial(name, left, right);
  if (left === undefined) return [{ clause, change: `added: ${show(right)}`, material }];
  if (right === undefined) return [{ clause, change: `removed: ${show(left)}`, material }];
  return [{ clause, change: differences('', left, right).join('; '), material }];
}

function isMaterial(name: string, left: Json | undefined, right: Json | undefined): boolean {
  if (EDITORIAL.has(name)) return false;
  return canonicalJson(substance(name, left ?? null)) !== canonicalJson(substance(name, right ?? null));
}

/** What is left of a value when everything editorial is gone. */
function substance(name: string, value: Json): Json {
  if (typeof value === 'string')
    return value
      .toLowerCase()
      .replace(/[^\p{L}\p{N}<>=%+-]+/gu, ' ')
      .trim();
  if (Array.isArray(value)) {
    const parts = value.map((each: Json) => canonicalJson(substance('', each)));
    return ORDERED.has(name) ? parts : parts.toSorted();
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([member]) => !EDITORIAL.has(member));
  return Object.fromEntries(members.map(([member, each]) => [member, substance(member, each as Json)]));
}

/** `within: "P30D" → "P60D"`, one for each place that differs. */
function differences(path: string, left: Json | undefined, right: Json | undefined): string[] {
  if (same(left, right)) return [];
  const [before, after] = [left ?? null, right ?? null];
  if (isPlainObject(before) && isPlainObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => differences(path ? `${path}.${name}` : name, before[name], after[name]));
  }
  return [`${path ? `${path}: ` : ''}${show(left)} → ${show(right)}`];
}

const same = (left: Json | undefined, right: Json | undefined): boolean =>
  left === undefined || right === undefined ? left === right : canonicalJson(left) === canonicalJson(right);
const isPlainObject = (value: Json): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asObject = (value: Json): Loose => (isPlainObject(value) ? value : {});

function show(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : canonicalJson(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
