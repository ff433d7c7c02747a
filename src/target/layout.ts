/**
 * Where every dependency lies, as npm lays them out: at the top unless another version is there already, else below
 * the package that needs it. Breadth first and by name, so that the same answers give the same tree.
 *
 * The packages themselves are not touched; `lookup` brings what the registry says. What cannot be had (a git address,
 * a missing version) does not end the layout: it is named in `uncovered`.
 */
import { satisfies } from 'semver';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Manifest } from './manifest.ts';
import { type Packument, pickVersion, readWish, type Wish } from './packument.ts';

export interface Place {
  /** `node_modules/a` or `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly manifest: Manifest;
  /** Missing it is no loss to the one who asked for it. */
  readonly isOptional: boolean;
}

export interface Layout {
  /** Without the root. */
  readonly places: readonly Place[];
  readonly uncovered: readonly string[];
}

export interface LayoutRefusal {
  readonly kind: 'registry-unavailable' | 'too-large';
  readonly reason: string;
}

export type Lookup = (
  name: string,
  want?: { again?: boolean },
) => Promise<Result<Packument, { readonly kind: string; readonly reason: string }>>;

export interface LayoutOptions {
  readonly withDevDependencies: boolean;
  /** `linux`, `x64`: optional packages of other machines are left out. */
  readonly os: string;
  readonly cpu: string;
}

const LAYOUT_PACKAGES = 500;

type Need = 'plain' | 'optional' | 'development' | 'peer';

interface Work extends LayoutOptions {
  readonly lookup: Lookup;
  readonly placed: Map<string, Place>;
  readonly uncovered: Set<string>;
  readonly queue: Place[];
  readonly peers: Place[];
}

export async function layOut(
  root: Manifest,
  lookup: Lookup,
  options: LayoutOptions,
): Promise<Result<Layout, LayoutRefusal>> {
  const top: Place = { path: `node_modules/${root.name}`, manifest: root, isOptional: false };
  const placed = new Map([[top.path, top]]);
  const work: Work = { ...options, lookup, placed, uncovered: new Set(), queue: [top], peers: [] };
  // Peers come last: where a plain dependency and a peer both want the top, the plain one has it.
  for (;;) {
    const place = work.queue.shift();
    const peersOf = place ? undefined : work.peers.shift();
    const asker = place ?? peersOf;
    if (!asker) break;
    if (place) work.peers.push(place);
    const needs = place ? needsOf(place, place === top && options.withDevDependencies) : peersNeededBy(asker);
    for (const [name, , text] of needs) prefetch(readWish(name, text), lookup);
    for (const [name, need, text] of needs) {
      const refusal = await satisfy(work, asker, name, need, text);
      if (refusal) return refuse(refusal);
    }
    if (placed.size > LAYOUT_PACKAGES + 1) {
      return refuse({ kind: 'too-large', reason: `it needs more than ${LAYOUT_PACKAGES} packages` });
    }
  }
  placed.delete(top.path);
  return ok({ places: [...placed.values()], uncovered: [...work.uncovered] });
}

type NeedRow = readonly [name: string, need: Need, text: string];

function needsOf({ manifest }: Place, withDevDependencies: boolean): NeedRow[] {
  const rows = new Map<string, NeedRow>();
  const add = (need: Need, texts: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(texts)) rows.set(name, [name, need, text]);
  };
  if (withDevDependencies) add('development', manifest.devDependencies);
  add('plain', manifest.dependencies);
  add('optional', manifest.optionalDependencies);
  for (const name of manifest.bundled) rows.delete(name);
  return [...rows.values()].sort(byName);
}

function peersNeededBy({ manifest }: Place): NeedRow[] {
  return Object.entries(manifest.peerDependencies)
    .filter(([name]) => !manifest.bundled.has(name))
    .map(([name, text]): NeedRow => [name, 'peer', text])
    .sort(byName);
}

const byName = ([left]: NeedRow, [right]: NeedRow) => (left < right ? -1 : 1);

function prefetch(wish: Wish, lookup: Lookup): void {
  if (wish.kind === 'registry') lookup(wish.name).catch(() => undefined);
}

async function satisfy(work: Work, asker: Place, folder: string, need: Need, text: string) {
  const wish = readWish(folder, text);
  const who = `${asker.manifest.name}@${asker.manifest.version}`;
  const leaveOut = (why: string) => {
    work.uncovered.add(`${need === 'plain' ? '' : `${need} `}dependency ${folder}@${text} of ${who}: ${why}`);
    return undefined;
  };
  if (wish.kind === 'elsewhere') return leaveOut(`comes from ${wish.what}, which is not fetched`);
  const present = findFrom(work.placed, asker.path, folder);
  if (present && fits(present.manifest, wish)) return undefined;
  const picked = await pick(work.lookup, wish);
  if (!picked.ok) {
    const { kind, reason } = picked.refusal;
    if (kind === 'registry-unavailable' && need !== 'optional') return { kind, reason } as const;
    return leaveOut(reason);
  }
  const manifest = picked.value;
  if (present && present.manifest.name === manifest.name && present.manifest.version === manifest.version) {
    return undefined;
  }
  const isOptional = need === 'optional' || asker.isOptional;
  if (isOptional && !(allows(manifest.os, work.os) && allows(manifest.cpu, work.cpu))) {
    return leaveOut(`is made for other machines than ${work.os} ${work.cpu}`);
  }
  const path = work.placed.has(`node_modules/${folder}`)
    ? `${asker.path}/node_modules/${folder}`
    : `node_modules/${folder}`;
  if (need === 'peer' && path !== `node_modules/${folder}`) {
    return leaveOut(`${present?.manifest.version ?? 'another version'} is used in its place`);
  }
  const place: Place = { path, manifest, isOptional };
  work.placed.set(path, place);
  work.queue.push(place);
  return undefined;
}

async function pick(lookup: Lookup, { name, spec }: Wish & { kind: 'registry' }) {
  const known = await lookup(name);
  if (!known.ok) return known;
  const manifest = pickVersion(known.value, spec);
  if (manifest) return ok(manifest);
  // A cached answer may be older than the version asked for.
  const newer = await lookup(name, { again: true });
  if (!newer.ok) return newer;
  const late = pickVersion(newer.value, spec);
  return late ? ok(late) : refuse({ kind: 'not-found', reason: `no published version of ${name} fits "${spec}"` });
}

function fits(manifest: Manifest, wish: Wish & { kind: 'registry' }): boolean {
  return manifest.name === wish.name && !wish.isTag && satisfies(manifest.version, wish.spec, { loose: true });
}

/** What `require(folder)` finds from a package at `path`: its own node_modules, then those above. */
function findFrom(placed: ReadonlyMap<string, Place>, path: string, folder: string): Place | undefined {
  for (let base = path; ; base = base.slice(0, base.lastIndexOf('/node_modules/'))) {
    const found = placed.get(`${base}/node_modules/${folder}`);
    if (found) return found;
    if (!base.includes('/node_modules/')) return placed.get(`node_modules/${folder}`);
  }
}

/** npm's `os` and `cpu` lists: `!x` forbids, anything else is the list of those allowed. */
function allows(list: readonly string[], own: string): boolean {
  if (list.includes(`!${own}`)) return false;
  const allowed = list.filter((item) => !item.startsWith('!'));
  return allowed.length === 0 || allowed.includes(own) || allowed.includes('any');
}
