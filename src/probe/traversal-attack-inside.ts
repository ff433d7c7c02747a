/**
 * Asks one server for a file outside what it serves, in many spellings, and believes only the file's own random
 * content. Runs inside the sandbox.
 *
 * A request without a climb goes first: it tells which paths lead to the file system at all (so that the spellings are
 * spent there), and it must not give the content, or the server shows the whole disk on purpose.
 */
import { resolve } from 'node:path';
import { isReading, type World } from './serve-inside.ts';
import { sendRaw } from './serve-request-inside.ts';

export interface AttackTexts {
  readonly climbs: readonly { readonly name: string; readonly payload: string }[];
  readonly prefixes: readonly string[];
  readonly queries: readonly string[];
  readonly endings: readonly string[];
}

export interface Flag {
  /** Absolute path without its ending; a file stands there with every ending. */
  readonly path: string;
  readonly name: string;
  readonly content: string;
}

export interface Hit {
  readonly requestTarget: string;
  readonly payload: string;
  readonly control: string;
  readonly climb: string;
  readonly frames: readonly string[];
  /** The target asked for the network interfaces. */
  readonly loopback?: boolean;
}

interface Door {
  /** Text before the payload. */
  readonly before: string;
  readonly ending: string;
  readonly isQuery: boolean;
}

const SILENCE_MILLISECONDS = 300;
const IMPATIENT_MILLISECONDS = 60;
const SILENCES = 14;

/** The separator that stands before the canary in a payload. */
function separatorOf(payload: string): string {
  return /(%252f|%2f|%5c|\\|\/)\{\{canary\}\}/i.exec(payload)?.[1] ?? '/';
}

/** The payload with the flag file's path written in. */
function writePath(payload: string, flagPath: string): string {
  return payload.split('{{canary}}').join(flagPath.slice(1).split('/').join(separatorOf(payload)));
}

class Siege {
  readonly #world: World;
  readonly #port: number;
  readonly #secure: boolean;
  readonly #flag: Flag;
  readonly #until: number;
  #silences = 0;

  constructor(world: World, server: { port: number; secure: boolean }, flag: Flag, until: number) {
    this.#world = world;
    this.#port = server.port;
    this.#secure = server.secure;
    this.#flag = flag;
    this.#until = until;
  }

  async ask(target: string): Promise<boolean> {
    this.#world.reads.length = 0;
    const request = {
      port: this.#port,
      secure: this.#secure,
      target,
      timeoutMilliseconds: this.#silences > 3 ? IMPATIENT_MILLISECONDS : SILENCE_MILLISECONDS,
      until: this.#flag.content,
    };
    const answer = await sendRaw(request, this.#world);
    this.#silences = answer.silent ? this.#silences + 1 : 0;
    return answer.text.includes(this.#flag.content);
  }

  get over(): boolean {
    return this.#silences >= SILENCES || Date.now() > this.#until;
  }

  /** Ways on which a name reaches the file system. A server may well be silent about a file that is not there. */
  async doors(texts: AttackTexts): Promise<Door[]> {
    const found: Door[] = [];
    for (const before of texts.prefixes) {
      const door = this.over ? undefined : await this.#pathDoor(before, texts.endings);
      if (door) found.push(door);
    }
    if (found.length === 0) found.push({ before: '', ending: texts.endings[0] ?? '', isQuery: false });
    for (const query of texts.queries) {
      if (this.over) break;
      await this.ask(`/${query}${this.#flag.name}.txt`);
      if (this.#world.reads.some((read) => !read.path.includes('?')))
        found.push({ before: `/${query}`, ending: '.txt', isQuery: true });
    }
    this.#silences = 0;
    return found;
  }

  async #pathDoor(before: string, endings: readonly string[]): Promise<Door | undefined> {
    // Behind a prefix one ending tells whether it leads to files at all.
    for (const ending of before === '' ? endings : endings.slice(0, 1)) {
      if (this.over) return undefined;
      await this.ask(`${before}/${this.#flag.name}${ending}`);
      if (this.#world.reads.length > 0) return { before, ending, isQuery: false };
    }
    return undefined;
  }

  async storm(door: Door, texts: AttackTexts): Promise<Hit | undefined> {
    const endings = [door.ending, ...texts.endings.filter((ending) => ending !== door.ending)];
    let climbs = texts.climbs;
    for (const ending of door.isQuery ? [door.ending] : endings) {
      const touching: AttackTexts['climbs'][number][] = [];
      for (const climb of climbs) {
        if (this.over) break;
        const payload = (door.isQuery ? climb.payload.replace(/^\/+/, '') : climb.payload) + ending;
        const given = await this.ask(door.before + writePath(payload, this.#flag.path));
        if (this.#touched()) touching.push(climb);
        if (!given) continue;
        const frames = this.#frames();
        const control = `${door.before}${door.isQuery ? '' : '/'}{{canary}}${ending}`;
        if (await this.ask(writePath(control, this.#flag.path))) continue;
        return { requestTarget: `${door.before}{{payload}}`, payload, control, climb: climb.name, frames };
      }
      // Another ending helps only where the file was met and not given.
      if (touching.length === 0) return undefined;
      climbs = touching;
      this.#silences = 0;
    }
    return undefined;
  }

  #touched(): boolean {
    return this.#world.reads.some((read) => resolve(read.path).startsWith(this.#flag.path));
  }

  #frames(): readonly string[] {
    const met = this.#world.reads.filter((read) => resolve(read.path).startsWith(this.#flag.path));
    const best = met.find((read) => isReading(read.operation) && read.frames.length > 0);
    return (best ?? met.find((read) => read.frames.length > 0))?.frames ?? [];
  }
}

export async function attack(
  world: World,
  server: { readonly port: number; readonly secure: boolean },
  flag: Flag,
  texts: AttackTexts,
  milliseconds: number,
): Promise<Hit | undefined> {
  world.watched = flag.name;
  const siege = new Siege(world, server, flag, Date.now() + milliseconds);
  for (const door of await siege.doors(texts)) {
    const hit = await siege.storm(door, texts);
    if (hit) return hit;
  }
  return undefined;
}
