/**
 * Watches a reproducer from within its own process: loaded before it, it traps the effect of each class and tells the
 * outside who caused it. It takes every built-in it needs for itself before any other code runs.
 *
 * Its lines `headstart-observed <who> <number> <mac> <json>` carry a keyed checksum; the key comes over standard input,
 * is read before the reproducer exists and stays in a closure, so a script cannot write such a line itself.
 * Nothing here decides: `witness.ts` outside reads the stacks.
 */
import { hash } from 'node:crypto';
import { openSync, readSync, writeSync } from 'node:fs';
import process from 'node:process';
import { getCallSites } from 'node:util';
import { installTraps } from './traps-inside.ts';

/** What the outside says over standard input, or the parent process in the environment. */
export interface ObserverOrders {
  readonly key: string;
  readonly who: string;
  readonly flaw: string;
  readonly canary: string;
  /** Directory of the run; what is watched lies below it. */
  readonly root: string;
  /** Where the text of children goes, whose standard output belongs to their parent; empty for the first process. */
  readonly file: string;
  /** Load the observer into child processes too. */
  readonly follow: boolean;
}

export interface Observer {
  readonly orders: ObserverOrders;
  /** One line: the kind, some texts, and the stack at this moment. */
  readonly report: (kind: string, detail: readonly (readonly [name: string, value: string])[]) => void;
}

const CHILD_ORDERS = 'HEADSTART_OBSERVER';
const FRAME_LIMIT = 60;
const MAX_LINES = 400;
const MAX_TEXT_CHARACTERS = 8_192;
const MAX_RETRIES = 1_000;
const PAUSE_MILLISECONDS = 2;
/** Orders come at once but on the busiest machine. */
const ORDERS_MILLISECONDS = 30_000;

const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor } = Reflect;
const PlainError = Error;
const stringify = JSON.stringify;
const slice = String.prototype.slice;
// Imported names follow what a script puts into node's modules later; these do not.
const digest = hash;
const writeBytes = writeSync;
const nativeSites = getCallSites;
const siteMethods = callSiteMethods();

/** What is read of a frame. As text they are parted by U+001F, the last left out. */
type SiteFact = 'fn' | 'file' | 'line' | 'column' | 'origin' | 'isAsync';
type Site = object;

function callSiteMethods(): Record<SiteFact, (this: Site) => unknown> {
  const previous = PlainError.prepareStackTrace;
  let site: NodeJS.CallSite | undefined;
  PlainError.prepareStackTrace = (_error, sites) => {
    site = sites[0];
    return '';
  };
  void new PlainError().stack;
  PlainError.prepareStackTrace = previous;
  if (!site) throw new Error('this Node gives no call sites');
  return {
    fn: site.getFunctionName,
    file: site.getFileName,
    line: site.getLineNumber,
    column: site.getColumnNumber,
    origin: site.getEvalOrigin,
    isAsync: site.isAsync,
  };
}

/**
 * The stack, innermost first. It is taken twice, by two mechanisms of which a script can bend only one; where they
 * disagree, `bent` says so.
 */
function stackHere(): { readonly frames: string; readonly bent: boolean } {
  let frames = '[';
  let files = '';
  let count = 0;
  const previous = getOwnPropertyDescriptor(PlainError, 'prepareStackTrace');
  const limit = getOwnPropertyDescriptor(PlainError, 'stackTraceLimit');
  const take = (_error: Error, sites: readonly Site[]): string => {
    for (let index = 0; index < sites.length && index < FRAME_LIMIT; index += 1) {
      const site = sites[index];
      if (site === undefined) break;
      const read = (name: SiteFact) => `${apply(siteMethods[name], site, []) ?? ''}`;
      const text = `${read('fn')}\u001f${read('file')}\u001f${read('line')}\u001f${read('column')}\u001f${read('origin')}`;
      frames += `${count > 0 ? ',' : ''}${stringify(text)}`;
      // Who awaits the caller, and built-ins on the way, are known to this way only.
      if (read('isAsync') !== 'true' && read('file') !== '') files += `${read('file')}\n`;
      count += 1;
    }
    return '';
  };
  try {
    defineProperty(PlainError, 'prepareStackTrace', { value: take, configurable: true, writable: true });
    defineProperty(PlainError, 'stackTraceLimit', { value: FRAME_LIMIT, configurable: true, writable: true });
    void new PlainError().stack;
  } finally {
    restore('prepareStackTrace', previous);
    restore('stackTraceLimit', limit);
  }
  let second = '';
  const sites = nativeSites(FRAME_LIMIT);
  // Both lists begin with the frames of this file, which differ: the comparison starts where the caller's begin.
  for (let index = 0; index < sites.length; index += 1) {
    const name = sites[index]?.scriptName ?? '';
    if (name !== '') second += `${name}\n`;
  }
  return { frames: `${frames}]`, bent: count === 0 || withoutOwn(files) !== withoutOwn(second) };
}

function restore(name: string, descriptor: PropertyDescriptor | undefined): void {
  if (descriptor) defineProperty(PlainError, name, descriptor);
  else deleteProperty(PlainError, name);
}

function withoutOwn(files: string): string {
  let at = 0;
  for (;;) {
    let end = at;
    while (end < files.length && files[end] !== '\n') end += 1;
    const line = apply(slice, files, [at, end]) as string;
    if (line === '' || (line !== OWN_FILE && line !== TRAPS_FILE)) return apply(slice, files, [at]) as string;
    at = end + 1;
  }
}

const OWN_FILE = import.meta.url;
const TRAPS_FILE = new URL('./traps-inside.ts', import.meta.url).href;

function createObserver(orders: ObserverOrders): Observer {
  let lines = 0;
  // Opened before anything else runs: nobody can put another file in its place.
  const descriptor = orders.file === '' ? 1 : openSync(orders.file, 'a');
  return {
    orders,
    report(kind, detail) {
      lines += 1;
      if (lines > MAX_LINES) return;
      const { frames, bent } = stackHere();
      let json = `{"kind":${stringify(kind)},"bent":${bent ? 'true' : 'false'},"frames":${frames}`;
      for (let index = 0; index < detail.length; index += 1) {
        // By index: destructuring would go through an iterator that a script may have replaced.
        const pair = detail[index];
        const text = apply(slice, pair?.[1] ?? '', [0, MAX_TEXT_CHARACTERS]);
        json += `,${stringify(pair?.[0] ?? '')}:${stringify(text)}`;
      }
      json += '}';
      const head = `${orders.who} ${lines}`;
      const mac = digest('sha256', orders.key + digest('sha256', `${orders.key}${head} ${json}`));
      write(`\nheadstart-observed ${head} ${mac} ${json}\n`, descriptor);
    },
  };
}

function write(text: string, descriptor: number): void {
  for (let rest = Buffer.from(text), tries = 0; rest.length > 0 && tries < MAX_RETRIES; tries += 1) {
    try {
      rest = rest.subarray(writeBytes(descriptor, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

/** To its end. A pipe that does not wait says EAGAIN as long as nothing has come. */
function readInput(): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(65_536);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Date.now() + ORDERS_MILLISECONDS; ; ) {
    try {
      const count = readSync(0, chunk);
      if (count === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(Buffer.from(chunk.subarray(0, count)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > until) throw error;
      Atomics.wait(sleeper, 0, 0, PAUSE_MILLISECONDS);
    }
  }
}

function readOrders(): ObserverOrders {
  const inherited = process.env[CHILD_ORDERS];
  if (inherited === undefined) return JSON.parse(readInput());
  delete process.env[CHILD_ORDERS];
  const orders = JSON.parse(inherited) as ObserverOrders;
  return { ...orders, who: `${orders.who}-${process.pid}` };
}

/** Children get a key of their own, so that what leaks through their environment cannot speak for this process. */
function orderChildren(orders: ObserverOrders): void {
  const child: ObserverOrders = {
    ...orders,
    key: hash('sha256', `${orders.key}child`),
    who: 'child',
    file: `${orders.root}/.headstart/observed`,
  };
  process.env[CHILD_ORDERS] = JSON.stringify(child);
  process.env.NODE_OPTIONS = `--require=${orders.root}/.headstart/observer-inside.mjs`;
}

const orders = readOrders();
const observer = createObserver(orders);
installTraps(observer);
if (orders.follow) orderChildren(orders);
observer.report('start', []);
process.on('exit', () => observer.report('end', []));
