/**
 * Tries one way after another to make a module listen, in one process, and attacks whatever listens. Runs inside the
 * sandbox. What it finds is tried again alone in a fresh process by the caller.
 */
import type { PlanDrive, PlanReach, PlanValue } from './plan.ts';
import type { World } from './serve-inside.ts';
import { begin, listeningServer, type Place, pause, type Start } from './serve-start-inside.ts';
import { type AttackTexts, attack, type Flag, type Hit } from './traversal-attack-inside.ts';

export interface Explorer {
  readonly over: boolean;
  /** Calls what is reached and attacks what listens then; gives back what the call gave. */
  tryStart(reach: readonly PlanReach[], args: readonly PlanValue[], start: 'call' | 'construct'): Promise<unknown>;
  tryHandler(reach: readonly PlanReach[], args: readonly PlanValue[], shape: 'self' | 'makes'): Promise<void>;
  /** Calls what is reached with an object that notes what is read from it. */
  observe(reach: readonly PlanReach[], observer: object): Promise<void>;
  settle(made: Promise<unknown>): Promise<unknown>;
}

export interface ExplorerParts {
  readonly world: World;
  readonly place: Place;
  readonly loaded: { readonly value: unknown; readonly format: 'cjs' | 'esm' };
  readonly file: string;
  readonly texts: AttackTexts;
  readonly flag: Flag;
  readonly milliseconds: number;
  readonly leaveOut: ReadonlySet<string>;
  readonly onHit: (start: Start, hit: Hit) => void;
}

const stringify = JSON.stringify;
const LISTEN_MILLISECONDS = 500;
const ATTACK_MILLISECONDS = 4000;
const TRIES = 400;

export function createExplorer(parts: ExplorerParts): Explorer {
  const { world, place, loaded, file, texts, flag } = parts;
  const until = Date.now() + parts.milliseconds;
  let tries = 0;

  const startOf = (reach: readonly PlanReach[], drive: PlanDrive): Start => ({
    file,
    format: loaded.format,
    reach,
    drive,
  });

  const tryOne = async (start: Start): Promise<unknown> => {
    if (parts.leaveOut.has(stringify(start))) return undefined;
    tries++;
    const from = world.servers.length;
    let made: unknown;
    try {
      made = await Promise.race([begin(start, place, loaded.value), pause(LISTEN_MILLISECONDS)]);
    } catch {
      // Refused these arguments, or started something before it threw.
    }
    const started = await listeningServer(world, from, LISTEN_MILLISECONDS);
    if (started) {
      const hit = await attack(world, started, flag, texts, ATTACK_MILLISECONDS);
      if (hit) parts.onHit(start, hit);
    }
    for (const server of world.servers.splice(from)) {
      try {
        server.close();
        if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections();
      } catch {
        // Never listened.
      }
    }
    return made;
  };

  return {
    get over() {
      return tries >= TRIES || Date.now() > until;
    },
    tryStart: (reach, args, start) => tryOne(startOf(reach, { kind: 'http', args, requestTarget: '', start })),
    tryHandler: async (reach, args, shape) => {
      await tryOne(startOf(reach, { kind: 'handler', args, requestTarget: '', shape }));
    },
    observe: async (reach, observer) => {
      const drive = { kind: 'http', args: [], requestTarget: '', start: 'load' } as const;
      try {
        const owner = await begin(startOf(reach.slice(0, -1), drive), place, loaded.value);
        const last = reach.at(-1);
        const callee = last?.kind === 'get' ? (owner as Record<string, unknown>)[last.name] : owner;
        if (typeof callee === 'function') Reflect.apply(callee, owner, [observer, observer, observer]);
      } catch {
        // What it read before it threw is what was wanted.
      }
      for (const server of world.servers.splice(0)) server.close();
    },
    settle: async (made) => {
      try {
        return await Promise.race([made, pause(LISTEN_MILLISECONDS)]);
      } catch {
        return undefined;
      }
    },
  };
}
