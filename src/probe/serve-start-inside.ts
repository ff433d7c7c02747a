/**
 * Starts what a plan describes, until it listens: loads the file, walks to the function, calls it, or puts it as a
 * handler into a server of our own. Runs inside the sandbox, after the world was replaced.
 */
import http from 'node:http';
import Module, { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import tls from 'node:tls';
import { pathToFileURL } from 'node:url';
import type { PlanDrive, PlanReach, PlanValue } from './plan.ts';
import type { World } from './serve-inside.ts';
import { callValue, constructValue, type Reached, type ValueContext, walkReach } from './values-inside.ts';

/** A plan without its request. */
export interface Start {
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly directory?: 'package';
  readonly reach: readonly PlanReach[];
  readonly drive: PlanDrive;
}

export interface Place {
  /** Directory that holds `node_modules`. */
  readonly work: string;
  readonly package: string;
  /** What a server is told to serve. */
  readonly root: string;
}

export interface Started {
  readonly port: number;
  readonly secure: boolean;
  readonly server: Server;
}

const later = setTimeout;
export const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => later(resolve, milliseconds));

const context: ValueContext = { payload: '', canary: '', seen: new Set(), called: [] };

/** Plan values with the root and the port of this run in place. */
function placeValue(value: PlanValue, root: string): PlanValue {
  switch (value.kind) {
    case 'root':
      return { kind: 'json', value: root };
    case 'port':
      return { kind: 'json', value: 8080 };
    case 'array':
      return { ...value, items: value.items.map((item) => placeValue(item, root)) };
    case 'object':
      return { ...value, members: value.members.map(([name, member]) => [name, placeValue(member, root)] as const) };
    case 'returns':
    case 'any-property':
      return { ...value, value: placeValue(value.value, root) };
    default:
      return value;
  }
}

const placeValues = (values: readonly PlanValue[], root: string): PlanValue[] =>
  values.map((value) => placeValue(value, root));

function placeReach(reach: readonly PlanReach[], root: string): PlanReach[] {
  return reach.map((step) => ('args' in step ? { ...step, args: placeValues(step.args, root) } : step));
}

export async function loadTarget(place: Place, file: string): Promise<{ value: unknown; format: 'cjs' | 'esm' }> {
  const require = createRequire(join(place.work, 'target.cjs'));
  const wanted = file === '' ? place.package : `./node_modules/${place.package}/${file}`;
  try {
    return { value: require(wanted) as unknown, format: 'cjs' };
  } catch (error) {
    if (!/ERR_REQUIRE|Cannot use import|Unexpected token|await is only/.test(String(error))) throw error;
    const url = file === '' ? place.package : pathToFileURL(join(place.work, wanted)).href;
    return { value: (await import(url)) as unknown, format: 'esm' };
  }
}

/** Runs a file as `node file …` would: it is the main module and sees the arguments. */
async function runMain(path: string, args: readonly string[]): Promise<void> {
  process.argv = [process.execPath, path, ...args];
  try {
    (Module as unknown as { _load(path: string, parent: null, isMain: boolean): unknown })._load(path, null, true);
  } catch (error) {
    if (!/ERR_REQUIRE|Cannot use import/.test(String(error))) throw error;
    await import(pathToFileURL(path).href);
  }
}

async function walk(value: unknown, reach: readonly PlanReach[]): Promise<Reached> {
  let at: Reached = { value, owner: undefined };
  for (const step of reach) {
    if (step.kind === 'await') at = { value: await at.value, owner: undefined };
    else at = walkReach(at, [step], context);
  }
  return at;
}

type Handler = (request: unknown, response: unknown, next: () => void) => unknown;

/** A server of our own in front of a handler. */
function serveHandler(handler: Handler, owner: unknown): void {
  const server = http.createServer((request, response) => {
    const next = (): void => {
      response.statusCode = 404;
      response.end();
    };
    try {
      Promise.resolve(Reflect.apply(handler, owner, [request, response, next])).catch(next);
    } catch {
      next();
    }
  });
  server.listen(0);
}

async function drive(at: Reached, start: Start, place: Place): Promise<unknown> {
  const { drive: how } = start;
  const args = placeValues(how.args, place.root);
  if (how.kind === 'http' && how.start === 'load') return at.value;
  if (how.kind === 'http' && how.start === 'construct') return constructValue(at, args, context);
  if (how.kind !== 'handler') return callValue(at, args, context);
  if (how.shape === 'self') {
    if (typeof at.value === 'function') serveHandler(at.value as Handler, at.owner);
    return undefined;
  }
  const made = await callValue(at, args, context);
  if (typeof made === 'function') serveHandler(made as Handler, undefined);
  return made;
}

/** What the drive gave back, for the search to go on with. */
export async function begin(start: Start, place: Place, loaded?: unknown): Promise<unknown> {
  if (start.directory === 'package') process.chdir(join(place.work, 'node_modules', place.package));
  if (start.drive.kind === 'bin') {
    Object.assign(process.env, start.drive.environment ?? {});
    const words = placeValues(start.drive.args, place.root).map((arg) => String(arg.kind === 'json' ? arg.value : ''));
    await runMain(join(place.work, 'node_modules', place.package, start.drive.bin), words);
    return undefined;
  }
  const value = loaded ?? (await loadTarget(place, start.file)).value;
  return drive(await walk(value, placeReach(start.reach, place.root)), start, place);
}

/** Busy with something that may still lead to a server. */
function isBusy(): boolean {
  const idle = new Set(['TTYWrap', 'PipeWrap', 'TCPServerWrap', 'SignalWrap', 'Immediate']);
  return process.getActiveResourcesInfo().filter((name) => !idle.has(name)).length > 1;
}

/** Waits until something listens; gives up once nothing goes on that could lead to it. */
export async function listeningServer(world: World, from: number, milliseconds: number): Promise<Started | undefined> {
  const until = Date.now() + milliseconds;
  for (let quiet = 0; Date.now() < until && quiet < 4; ) {
    for (const server of world.servers.slice(from)) {
      const address = server.listening ? (server.address() as AddressInfo | string | null) : null;
      if (address !== null && typeof address === 'object')
        return { port: address.port, secure: server instanceof tls.Server, server };
    }
    await pause(5);
    quiet = isBusy() || world.servers.length > from ? 0 : quiet + 1;
  }
  return undefined;
}
