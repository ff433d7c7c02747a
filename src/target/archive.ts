/**
 * Reads a packed package (tar, gzipped or not) into memory. Every archive is hostile until read: a member that could
 * lie outside the package, or a size that could harm us, refuses the whole; links, devices and names that differ only
 * by case are left out or kept, and reported. Nothing is written here.
 */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { ok, type Result, refuse } from '../lib/result.ts';
import { toMemberPath } from './archive-path.ts';

export interface ArchiveLimits {
  readonly files: number;
  /** Bytes of all files together, unpacked. */
  readonly totalBytes: number;
  readonly fileBytes: number;
  /** Unpacked to packed size; looked at above `RATIO_FREE_BYTES` only. */
  readonly ratio: number;
}

export const ARCHIVE_LIMITS: ArchiveLimits = {
  files: 20_000,
  totalBytes: 256 * 1024 * 1024,
  fileBytes: 128 * 1024 * 1024,
  ratio: 200,
};

const RATIO_FREE_BYTES = 16 * 1024 * 1024;
/** Headers and padding a tar of this many members may need on top of its content. */
const TAR_BYTES_PER_MEMBER = 4 * 1024;
const NOTES = 8;

export interface ArchiveFile {
  readonly path: string;
  readonly executable: boolean;
  readonly content: Buffer;
}

export interface Archive {
  /** In the order of the archive; of two members with one name only the later, as npm keeps it. */
  readonly files: readonly ArchiveFile[];
  /** What was left out or looks odd, for the report. */
  readonly notes: readonly string[];
}

export interface ArchiveRefusal {
  readonly kind: 'hostile-archive' | 'too-large';
  readonly reason: string;
}

const unzip = promisify(gunzip);

export async function readArchive(
  packed: Uint8Array,
  limits: ArchiveLimits = ARCHIVE_LIMITS,
): Promise<Result<Archive, ArchiveRefusal>> {
  const tar = await inflate(packed, limits);
  if (!tar.ok) return tar;
  const files = new Map<string, ArchiveFile>();
  const notes = createNotes();
  let total = 0;
  const reader = extract();
  const feeding = Readable.from([tar.value]);
  // A broken tar ends the loop below with the error; without a listener it would end the process first.
  reader.on('error', () => feeding.destroy());
  feeding.pipe(reader);
  try {
    let members = 0;
    for await (const entry of reader) {
      const { header } = entry;
      members += 1;
      if (members > limits.files * 2) return tooMany(limits);
      const place = toMemberPath(header.name);
      if (!place.ok) return refuse({ kind: 'hostile-archive', reason: `${place.refusal}: ${shown(header.name)}` });
      if (!isFile(header) || place.value === '') {
        noteSkipped(header, place.value, notes);
        entry.resume();
        continue;
      }
      const size = header.size ?? 0;
      total += size;
      if (size > limits.fileBytes || total > limits.totalBytes) return tooLarge(limits);
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      if (files.delete(place.value)) notes.add('a file occurs twice, the later one is kept', place.value);
      const executable = ((header.mode ?? 0) & 0o111) !== 0;
      files.set(place.value, { path: place.value, executable, content: Buffer.concat(chunks) });
      if (files.size > limits.files) return tooMany(limits);
    }
  } catch (error) {
    return refuse({ kind: 'hostile-archive', reason: `not a readable tar: ${(error as Error).message}` });
  }
  const clash = findClash(files, notes);
  if (clash !== undefined) return refuse({ kind: 'hostile-archive', reason: clash });
  return ok({ files: [...files.values()], notes: notes.list() });
}

async function inflate(packed: Uint8Array, limits: ArchiveLimits): Promise<Result<Buffer, ArchiveRefusal>> {
  const most = limits.totalBytes + limits.files * TAR_BYTES_PER_MEMBER;
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) {
    return packed.length > most ? tooLarge(limits) : ok(Buffer.from(packed.buffer, packed.byteOffset, packed.length));
  }
  const byRatio = Math.max(RATIO_FREE_BYTES, packed.length * limits.ratio);
  try {
    return ok(await unzip(packed, { maxOutputLength: Math.min(most, byRatio) }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_BUFFER_TOO_LARGE') {
      return refuse({ kind: 'hostile-archive', reason: `not a readable gzip: ${message}` });
    }
    return byRatio < most
      ? refuse({ kind: 'hostile-archive', reason: `unpacks to more than ${limits.ratio} times its packed size` })
      : tooLarge(limits);
  }
}

const isFile = (header: Header) => header.type === 'file' || header.type === 'contiguous-file';

function noteSkipped(header: Header, path: string, notes: Notes): void {
  if (header.type === 'symlink' || header.type === 'link') notes.add('a link was left out', path);
  else if (header.type !== 'directory' && !isFile(header)) notes.add(`a ${header.type} was left out`, path);
}

/** A file where another member needs a directory cannot be unpacked as meant by anyone. */
function findClash(files: ReadonlyMap<string, ArchiveFile>, notes: Notes): string | undefined {
  const folded = new Set<string>();
  for (const path of files.keys()) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      if (files.has(path.slice(0, slash))) return `${shown(path.slice(0, slash))} is both a file and a directory`;
    }
    const lower = path.toLowerCase();
    if (folded.has(lower)) notes.add('names differ only by case', path);
    folded.add(lower);
  }
  return undefined;
}

interface Notes {
  add(what: string, path: string): void;
  list(): readonly string[];
}

/** One line per kind with its first path and a count, so that an archive of links cannot flood the report. */
function createNotes(): Notes {
  const kinds = new Map<string, { first: string; count: number }>();
  return {
    add(what, path) {
      const known = kinds.get(what);
      if (known) known.count += 1;
      else if (kinds.size < NOTES) kinds.set(what, { first: shown(path), count: 1 });
    },
    list: () =>
      [...kinds].map(([what, { first, count }]) => `${what}: ${first}${count > 1 ? ` and ${count - 1} more` : ''}`),
  };
}

const shown = (name: string) => JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
const MIB = 1024 * 1024;

const tooMany = (limits: ArchiveLimits) =>
  refuse<ArchiveRefusal>({ kind: 'too-large', reason: `more than ${limits.files} files` });

const tooLarge = (limits: ArchiveLimits) =>
  refuse<ArchiveRefusal>({
    kind: 'too-large',
    reason: `unpacks to more than ${limits.totalBytes / MIB} MiB, or holds a file over ${limits.fileBytes / MIB} MiB`,
  });
