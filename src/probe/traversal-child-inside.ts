/**
 * One process that starts one server, or looks through one module for servers, and attacks them.
 *
 *   node traversal-child-inside.mjs <job file>     prints `<token> <json>` lines, see ChildLine
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createEnd, openWorld } from './serve-inside.ts';
import { begin, listeningServer, loadTarget, type Place, pause, type Start } from './serve-start-inside.ts';
import { type AttackTexts, attack, type Flag, type Hit } from './traversal-attack-inside.ts';
import { createExplorer, Exploration } from './traversal-explore-inside.ts';

export interface ChildJob {
  readonly token: string;
  readonly place: Place;
  readonly flag: Flag;
  readonly texts: AttackTexts;
  /** A server to start; without it the module `file` is looked through. */
  readonly start?: Start;
  readonly file: string;
  /** Starts (as JSON) that were found before and did not hold alone. */
  readonly leaveOut?: readonly string[];
  readonly listenMilliseconds: number;
  readonly milliseconds: number;
}

export type ChildLine =
  | { readonly kind: 'hit'; readonly start: Start; readonly hit: Hit }
  | { readonly kind: 'listens' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'end' };

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as ChildJob;
const end = createEnd();
const world = openWorld(job.token);
const say = (line: ChildLine): void => world.say(line);
const sayHit = (start: Start, hit: Hit): void =>
  say({ kind: 'hit', start, hit: world.asksNetwork() ? { ...hit, loopback: true } : hit });
process.argv = process.argv.slice(0, 1);

async function startOne(start: Start): Promise<void> {
  try {
    await Promise.race([begin(start, job.place), pause(job.listenMilliseconds)]);
  } catch (error) {
    say({ kind: 'failed', reason: String(error).slice(0, 200) });
  }
  const started = await listeningServer(world, 0, job.listenMilliseconds);
  if (!started) return;
  say({ kind: 'listens' });
  const hit = await attack(world, started, job.flag, job.texts, job.milliseconds);
  if (hit) sayHit(start, hit);
}

async function lookThrough(): Promise<void> {
  const loaded = await loadTarget(job.place, job.file);
  const explorer = createExplorer({
    world,
    place: job.place,
    loaded,
    file: job.file,
    texts: job.texts,
    flag: job.flag,
    milliseconds: job.milliseconds,
    leaveOut: new Set(job.leaveOut),
    onHit: sayHit,
  });
  await new Exploration(explorer).visit({ value: loaded.value, reach: [], name: 'main', calls: 0 }, 0);
}

const limit = setTimeout(() => end(), job.listenMilliseconds + job.milliseconds + 1000);
limit.unref();
try {
  await (job.start ? startOne(job.start) : lookThrough());
} catch (error) {
  say({ kind: 'failed', reason: String(error).slice(0, 200) });
}
say({ kind: 'end' });
end();
