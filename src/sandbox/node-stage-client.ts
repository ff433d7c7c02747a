/**
 * A copy of the Node binary that every uid may run, for a root whose own installation nobody else may read (umask 077).
 * Made once for a launcher, named by its content and verified; removed when the launcher closes or is found dead.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { isOwnerAlive } from './process-tree-client.ts';

const run = promisify(execFile);
const MIB = 1_048_576;
/** In memory first; a host may forbid programs to start from there. */
const PLACES = ['/run/headstart-sandbox/node', '/var/tmp/headstart-sandbox-node'];
const WRITABLE_BY_OTHERS = 0o022;

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: MIB }), hash);
  return hash.digest('hex');
}

/** A directory of root's alone to write: what is run from here must not be swapped by anybody. */
function openPlace(place: string): void {
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const stat = lstatSync(place);
  if (!stat.isDirectory() || stat.uid !== 0 || (stat.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new Error(`${place} is not a directory of root's alone; remove it`);
  }
  chmodSync(place, 0o755);
}

/** Copies of launchers that were killed. */
function sweep(place: string): void {
  for (const name of readdirSync(place)) {
    const [pid, started] = name.split('-');
    if (!isOwnerAlive(`${pid}-${started}`)) rmSync(join(place, name), { recursive: true, force: true });
  }
}

async function stageIn(place: string, source: string, sha256: string, owner: string, tag: string): Promise<string> {
  openPlace(place);
  sweep(place);
  const target = join(place, `${owner}-${tag}-${sha256}`);
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
  chmodSync(target, 0o755);
  if ((await hashFile(target)) !== sha256) throw new Error(`${target} is not what was copied`);
  await run(target, ['--version'], { env: {} });
  return target;
}

/** `owner` as `ownIdentity` names this process, `tag` tells its sandboxes apart. Throws where no place will do. */
export async function stageNode(
  source: string,
  sha256: string,
  owner: string,
  tag: string,
): Promise<{ readonly path: string; remove(): void }> {
  const problems: unknown[] = [];
  for (const place of PLACES) {
    try {
      const path = await stageIn(place, source, sha256, owner, tag);
      return { path, remove: () => rmSync(path, { force: true }) };
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(problems, `Node could be staged in none of ${PLACES.join(', ')}`);
}
