/**
 * Tags of a git repository: of a remote one by its smart HTTP answer, through the egress guard and without git; of a
 * local mirror from its own files. Only to unpack a tag git itself is started, on a mirror alone.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Egress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type SourceAnswer, type SourceRefusal, type Validator, versionOfTag } from './release.ts';
import { askSource } from './source-client.ts';

const REFS_ANSWER = 'application/x-git-upload-pack-advertisement';
const TAGS = 'refs/tags/';
const MAX_TAGS = 20_000;
const UNPACK_MS = 60_000;
const run = promisify(execFile);

export const isMirror = (repository: string): boolean => isAbsolute(repository);

export async function askGit(
  egress: Pick<Egress, 'request'>,
  repository: string,
  packageName: string,
  validator: Validator,
): Promise<Result<SourceAnswer, SourceRefusal>> {
  const tags = isMirror(repository)
    ? await tagsOfMirror(repository)
    : await tagsOfRemote(egress, repository, validator);
  if (!tags.ok) return tags;
  if (tags.value === 'unchanged') return ok({ changed: false });
  const releases = tags.value.tags.flatMap((label) => {
    const version = versionOfTag(label, packageName);
    return version === undefined ? [] : [{ source: 'git' as const, version, label }];
  });
  return ok({ changed: true, releases, validator: tags.value.validator });
}

interface Tags {
  readonly tags: readonly string[];
  readonly validator: Validator;
}

async function tagsOfRemote(
  egress: Pick<Egress, 'request'>,
  repository: string,
  validator: Validator,
): Promise<Result<Tags | 'unchanged', SourceRefusal>> {
  const url = `${repository.replace(/\/+$/, '')}/info/refs?service=git-upload-pack`;
  const answer = await askSource(egress, { url, accept: REFS_ANSWER, validator });
  if (!answer.ok) return answer;
  if (!answer.value.changed) return ok('unchanged');
  const refs = readAdvertisement(answer.value.body);
  if (!refs) return refuse({ kind: 'garbled', reason: 'the answer is no list of git references' });
  return ok({ tags: toTags(refs), validator: answer.value.validator });
}

/** gitprotocol-http, "Smart Clients": packets of four hexadecimal digits of length and a line. */
export function readAdvertisement(body: Buffer): readonly string[] | undefined {
  const refs: string[] = [];
  let isAnnounced = false;
  for (let at = 0; at + 4 <= body.length; ) {
    const digits = body.toString('latin1', at, at + 4);
    const length = Number.parseInt(digits, 16);
    if (!/^[0-9a-f]{4}$/i.test(digits) || (length > 0 && length < 4) || at + length > body.length) return undefined;
    const line = length === 0 ? '' : body.toString('utf8', at + 4, at + length).replace(/\n$/, '');
    at += length === 0 ? 4 : length;
    if (line === '# service=git-upload-pack') isAnnounced = true;
    const [, ref] = /^[0-9a-f]{40,64} ([^\0]+)/.exec(line) ?? [];
    if (ref) refs.push(ref);
  }
  return isAnnounced ? refs : undefined;
}

async function tagsOfMirror(directory: string): Promise<Result<Tags, SourceRefusal>> {
  const gitDirectory = await findGitDirectory(directory);
  if (!gitDirectory) return refuse({ kind: 'not-found', reason: 'there is no git repository in that directory' });
  if ((await readdir(gitDirectory)).includes('reftable')) {
    return refuse({ kind: 'unsupported', reason: 'its references are kept as a reftable, which is not read here' });
  }
  const packed = await readFile(join(gitDirectory, 'packed-refs'), 'utf8').catch(() => '');
  const names = packed.split('\n').flatMap((line) => /^[0-9a-f]{40,64} (\S+)$/.exec(line)?.[1] ?? []);
  const folder = join(gitDirectory, TAGS);
  const loose = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = loose.filter((each) => each.isFile()).map((each) => relative(folder, join(each.parentPath, each.name)));
  return ok({ tags: toTags([...names, ...files.map((file) => `${TAGS}${file}`)]), validator: {} });
}

async function findGitDirectory(directory: string): Promise<string | undefined> {
  for (const place of [directory, join(directory, '.git')]) {
    const names = await readdir(place).catch(() => [] as string[]);
    if (names.includes('HEAD') && names.includes('refs')) return place;
  }
  return undefined;
}

/** What an annotated tag points at is listed beside it, as `tag^{}`. */
function toTags(refs: readonly string[]): readonly string[] {
  const tags = refs.filter((ref) => ref.startsWith(TAGS) && !ref.endsWith('^{}')).map((ref) => ref.slice(TAGS.length));
  return [...new Set(tags)].slice(0, MAX_TAGS);
}

export const HEAD = 'HEAD';

/** Writes the files of a tag, or of HEAD, as an archive that a target can be opened from. Says why where it cannot. */
export async function packTag(repository: string, tag: string, archive: string): Promise<Result<null, string>> {
  const gitDirectory = isMirror(repository) ? await findGitDirectory(repository) : undefined;
  if (!gitDirectory) return refuse('a tag is unpacked from a local mirror only; none is named');
  const options = ['--no-pager', '-c', 'safe.directory=*', `--git-dir=${gitDirectory}`];
  const command = [
    ...options,
    'archive',
    '--format=tar',
    '--prefix=package/',
    `--output=${archive}`,
    tag === HEAD ? HEAD : `${TAGS}${tag}`,
  ];
  const env = { PATH: '/usr/bin:/bin', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' };
  try {
    await run('git', command, { timeout: UNPACK_MS, env });
    return ok(null);
  } catch (error) {
    const { code, killed } = error as { readonly code?: unknown; readonly killed?: boolean };
    if (code === 'ENOENT') return refuse('git is not installed: its tags are seen, and cannot be unpacked');
    return refuse(killed ? `git did not unpack it within ${UNPACK_MS} ms` : 'git could not unpack it');
  }
}
