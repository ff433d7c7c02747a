/**
 * Brings a package here: fetched outside the sandbox, no install script is run, every archive is treated as hostile.
 *
 *   text ──▶ where from ──▶ the package ──▶ its dependencies, laid out as npm does ──▶ files a sandbox can read
 *
 * A refusal leaves nothing behind. What was left out on the way stands in `uncovered`.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Archive, type ArchiveFile, readArchive } from './archive.ts';
import { layOut, type Place } from './layout.ts';
import { type Manifest, readManifest } from './manifest.ts';
import type { PackageSource, PackageTree, TargetRefusal } from './package-tree.ts';
import { type PublishedVersion, pickVersion, toPublishedVersions } from './packument.ts';
import { REGISTRY_LIMITS, type Registry } from './registry-client.ts';
import { readTargetText, type Target, toPurl } from './target-text.ts';
import { readDirectory, readPacked, type WrittenFile, writeFiles } from './unpack-service.ts';

export interface TargetRequest {
  /** `pkg:npm/name@version` (newest where no version is named), the path of a packed archive, or a directory. */
  readonly target: string;
  /** Directory below which the files are put, a tmpfs where possible. */
  readonly scratch: string;
  readonly registry: Registry;
  /** Also what its own tests need. */
  readonly withDevDependencies?: boolean;
}

const TREE_FILES = 100_000;
const TREE_BYTES = 768 * 1024 * 1024;
const UNPACKED_AT_ONCE = 6;

type Refusal = Omit<TargetRefusal, 'target'>;

interface Found {
  readonly manifest: Manifest;
  readonly archive: Archive;
}

export async function openTarget(request: TargetRequest): Promise<Result<PackageTree, TargetRefusal>> {
  return await open(request, async (found, directory) => {
    const { manifest, archive } = found;
    const built = await buildTree(request, found, directory);
    if (!built.ok) return built;
    const { written, places, uncovered } = built.value;
    return ok({
      purl: toPurl(manifest.name, manifest.version),
      name: manifest.name,
      version: manifest.version,
      directory,
      packagePath: rootPath(manifest),
      contentSha256: digest(written),
      dependencies: [...new Set(places.map(({ manifest: one }) => `${one.name}@${one.version}`))].sort(),
      uncovered: [...notesOn(manifest, archive), ...uncovered],
      dispose: () => remove(directory),
    });
  });
}

/** The package alone, without dependencies: to compare two versions. */
export async function openPackageSource(request: TargetRequest): Promise<Result<PackageSource, TargetRefusal>> {
  return await open(request, async ({ manifest, archive }, directory) => {
    const written = writeFiles(directory, '.', archive.files);
    return ok({
      purl: toPurl(manifest.name, manifest.version),
      name: manifest.name,
      version: manifest.version,
      directory,
      contentSha256: digest(written),
      dispose: () => remove(directory),
    });
  });
}

/** Every published version, oldest first. */
export async function listVersions(
  registry: Registry,
  name: string,
): Promise<Result<readonly PublishedVersion[], TargetRefusal>> {
  const answer = await registry.packument(name, { full: true });
  return answer.ok ? ok(toPublishedVersions(answer.value)) : refuse({ ...answer.refusal, target: `pkg:npm/${name}` });
}

async function open<T>(
  request: TargetRequest,
  build: (found: Found, directory: string) => Promise<Result<T, Refusal>>,
): Promise<Result<T, TargetRefusal>> {
  const { target } = request;
  const read = readTargetText(target);
  if (!read.ok) return read;
  const found = await find(read.value, request.registry);
  if (!found.ok) return refuse({ ...found.refusal, target });
  await mkdir(request.scratch, { recursive: true });
  const directory = await mkdtemp(join(resolve(request.scratch), 'target-'));
  try {
    await chmod(directory, 0o755);
    const built = await build(found.value, directory);
    if (built.ok) return built;
    await remove(directory);
    return refuse({ ...built.refusal, target });
  } catch (fault) {
    await remove(directory);
    throw fault;
  }
}

async function find(target: Target, registry: Registry): Promise<Result<Found, Refusal>> {
  switch (target.kind) {
    case 'registry':
      return await findPublished(target.name, target.wanted ?? 'latest', registry);
    case 'archive': {
      const packed = await readPacked(target.path, REGISTRY_LIMITS.archiveBytes);
      if (packed === undefined) return refuse({ kind: 'not-found', reason: 'there is no such file' });
      const archive = packed.ok ? await readArchive(packed.value) : packed;
      return archive.ok ? readOwnManifest(archive.value) : archive;
    }
    case 'directory': {
      const archive = await readDirectory(target.path).catch((fault: NodeJS.ErrnoException) => {
        if (fault.code === 'ENOENT' || fault.code === 'ENOTDIR') return undefined;
        throw fault;
      });
      if (archive === undefined) return refuse({ kind: 'not-found', reason: 'there is no such directory' });
      return archive.ok ? readOwnManifest(archive.value) : archive;
    }
  }
}

async function findPublished(name: string, wanted: string, registry: Registry): Promise<Result<Found, Refusal>> {
  const first = await registry.packument(name);
  if (!first.ok) return first;
  let manifest = pickVersion(first.value, wanted);
  if (!manifest) {
    // A cached answer may be older than the version asked for.
    const newer = await registry.packument(name, { again: true });
    if (!newer.ok) return newer;
    manifest = pickVersion(newer.value, wanted);
  }
  if (!manifest) return refuse({ kind: 'not-found', reason: `"${name}" has no version "${wanted}"` });
  const archive = await fetchArchive(manifest, registry);
  return archive.ok ? ok({ manifest, archive: archive.value }) : archive;
}

async function fetchArchive(manifest: Manifest, registry: Registry): Promise<Result<Archive, Refusal>> {
  const packed = await registry.archive(manifest);
  return packed.ok ? await readArchive(packed.value) : packed;
}

function readOwnManifest(archive: Archive): Result<Found, Refusal> {
  const file = archive.files.find(({ path }) => path === 'package.json');
  if (!file) return refuse({ kind: 'bad-target', reason: 'it holds no package.json' });
  try {
    const manifest = readManifest(JSON.parse(file.content.toString('utf8').replace(/^\uFEFF/, '')));
    if (manifest) return ok({ manifest, archive });
  } catch {
    // Answered below: unreadable JSON and a JSON without a name are one refusal to the user.
  }
  return refuse({ kind: 'bad-target', reason: 'its package.json is unreadable or has no valid "name"' });
}

interface Tree {
  readonly written: readonly WrittenFile[];
  readonly places: readonly Place[];
  readonly uncovered: readonly string[];
}

const rootPath = ({ name }: Manifest) => `node_modules/${name}`;

async function buildTree(
  { registry, withDevDependencies = false }: TargetRequest,
  { manifest, archive }: Found,
  directory: string,
): Promise<Result<Tree, Refusal>> {
  const options = { withDevDependencies, os: process.platform, cpu: process.arch };
  const layout = await layOut(manifest, registry.packument, options);
  if (!layout.ok) return layout;
  const { places } = layout.value;
  const taken = new Set(places.map(({ path }) => path));
  const write = (path: string, { files }: Archive) => writeFiles(directory, path, withoutTaken(files, path, taken));
  const written = write(rootPath(manifest), archive);
  const uncovered = new Set(layout.value.uncovered);
  const total = { files: archive.files.length, bytes: sizeOf(archive.files) };
  const waiting = [...places];
  let refusal: Refusal | undefined;
  const unpackNext = async () => {
    for (let place = waiting.shift(); place && !refusal; place = waiting.shift()) {
      const who = `${place.manifest.name}@${place.manifest.version}`;
      const fetched = await fetchArchive(place.manifest, registry);
      if (!fetched.ok) {
        const reason = `dependency ${who}: ${fetched.refusal.reason}`;
        if (place.isOptional) uncovered.add(reason);
        else refusal ??= { kind: fetched.refusal.kind, reason };
        continue;
      }
      total.files += fetched.value.files.length;
      total.bytes += sizeOf(fetched.value.files);
      if (total.files > TREE_FILES || total.bytes > TREE_BYTES) {
        refusal ??= {
          kind: 'too-large',
          reason: `with its dependencies it is over ${TREE_FILES} files or ${TREE_BYTES} bytes`,
        };
        return;
      }
      written.push(...write(place.path, fetched.value));
      for (const note of notesOn(place.manifest, fetched.value)) uncovered.add(note);
    }
  };
  await Promise.all(Array.from({ length: UNPACKED_AT_ONCE }, unpackNext));
  return refusal ? refuse(refusal) : ok({ written, places, uncovered: [...uncovered].sort() });
}

/** A packed `node_modules` that nobody declared gives way to what was resolved for the same folder. */
function withoutTaken(files: readonly ArchiveFile[], path: string, taken: ReadonlySet<string>): readonly ArchiveFile[] {
  return files.filter((file) => {
    const [, folder] = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file.path) ?? [];
    return folder === undefined || !taken.has(`${path}/node_modules/${folder}`);
  });
}

/** What the reader of a result must know was not done. */
function notesOn(manifest: Manifest, archive: Archive): string[] {
  const who = `${manifest.name}@${manifest.version}`;
  const scripts = readScripts(archive.files);
  const hooks = ['preinstall', 'install', 'postinstall'].filter((hook) => Object.hasOwn(scripts, hook));
  const notes = archive.notes.map((note) => `${who}: ${note}`);
  if (archive.files.some(({ path }) => path === 'binding.gyp')) {
    notes.push(`${who}: needs a native build; no install script is run`);
  } else if (hooks.length > 0) {
    notes.push(`${who}: has an install script (${hooks.join(', ')}); no install script is run`);
  }
  return notes;
}

function readScripts(files: readonly ArchiveFile[]): Readonly<Record<string, string>> {
  const file = files.find(({ path }) => path === 'package.json');
  try {
    return (file && readManifest(JSON.parse(file.content.toString('utf8')))?.scripts) || {};
  } catch {
    return {};
  }
}

const sizeOf = (files: readonly ArchiveFile[]) => files.reduce((sum, { content }) => sum + content.length, 0);

function digest(files: readonly WrittenFile[]): string {
  const lines = files.map(({ path, size, sha256 }) => `${path}\0${size}\0${sha256}\n`);
  return sha256Hex(lines.sort().join(''));
}

const remove = (directory: string) => rm(directory, { recursive: true, force: true, maxRetries: 2 });
