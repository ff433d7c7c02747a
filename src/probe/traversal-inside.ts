/**
 * Finds servers in one package that give a file from outside of what they serve. Starts every attempt in a process of
 * its own: command-line entry points, files that listen when loaded, then what the module exports.
 *
 *   node traversal-inside.mjs <job file>     prints `<token> <json>` lines, see TraversalLine
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { PlanValue } from './plan.ts';
import type { Start } from './serve-start-inside.ts';
import type { AttackTexts, Flag, Hit } from './traversal-attack-inside.ts';
import type { ChildJob, ChildLine } from './traversal-child-inside.ts';

export interface TraversalJob {
  readonly token: string;
  readonly package: string;
  readonly texts: AttackTexts;
  readonly listenMilliseconds: number;
  readonly attackMilliseconds: number;
  readonly exploreMilliseconds: number;
  readonly totalMilliseconds: number;
}

export type TraversalLine =
  | { readonly kind: 'found'; readonly start: Start; readonly hit: Hit }
  | { readonly kind: 'attempt'; readonly what: string; readonly listens: boolean; readonly reason: string }
  | { readonly kind: 'skipped'; readonly what: string; readonly reason: string }
  | { readonly kind: 'end' };

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as TraversalJob;
const work = process.cwd();
const packageDirectory = join(work, 'node_modules', job.package);
const childFile = fileURLToPath(new URL(`traversal-child-inside${extname(import.meta.url)}`, import.meta.url));
const until = Date.now() + job.totalMilliseconds;
const say = (line: TraversalLine): void => {
  process.stdout.write(`${job.token} ${JSON.stringify(line)}\n`);
};

/** The served directory, and a file of random content outside of it and of the package, with every ending. */
function prepare(): { root: string; flag: Flag } {
  const root = join(work, 'site');
  mkdirSync(join(root, 'public'), { recursive: true });
  for (const name of ['index.html', 'public/index.html', 'about.txt']) writeFileSync(join(root, name), '<p>site</p>\n');
  const name = `canary-${randomBytes(6).toString('hex')}`;
  const content = createHash('sha256').update(`inside ${name}`).digest('hex');
  let path = join('/tmp', name);
  try {
    writeFileSync(path, content);
  } catch {
    path = join(work, name);
  }
  for (const ending of job.texts.endings) writeFileSync(path + ending, content);
  return { root, flag: { path, name, content } };
}

interface Manifest {
  readonly main?: unknown;
  readonly bin?: unknown;
  readonly scripts?: unknown;
}

function readManifest(): Manifest {
  try {
    return JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8').replace(/^\uFEFF/, '')) as Manifest;
  } catch {
    return {};
  }
}

const ROOT: PlanValue = { kind: 'root' };
const PORT: PlanValue = { kind: 'port' };
const word = (value: string): PlanValue => ({ kind: 'json', value });

const ARGUMENTS: readonly (readonly PlanValue[])[] = [
  [],
  [ROOT],
  [PORT],
  [ROOT, PORT],
  [PORT, ROOT],
  [word('-p'), PORT],
  [word('--port'), PORT],
  [word('-d'), ROOT],
  [word('--root'), ROOT],
  [word('start')],
  [word('serve')],
  [word('server')],
  [word('serve'), ROOT],
];

const isScript = (path: string): boolean => {
  try {
    const head = readFileSync(path, 'utf8').slice(0, 200);
    return /\.[cm]?js$/.test(path) || /^#!.*\bnode\b/.test(head);
  } catch {
    return false;
  }
};

/** A file as a manifest writes it: without its ending, or a directory's index. */
function fileOf(written: string): string | undefined {
  const tidy = written.replace(/^\.\//, '');
  for (const candidate of [tidy, `${tidy}.js`, join(tidy, 'index.js')]) {
    const path = join(packageDirectory, candidate);
    if (existsSync(path) && statSync(path).isFile() && isScript(path)) return candidate;
  }
  return undefined;
}

function binFiles(manifest: Manifest): string[] {
  const { bin, scripts } = manifest;
  const written = typeof bin === 'string' ? [bin] : bin && typeof bin === 'object' ? Object.values(bin) : [];
  const files = written.filter((file) => typeof file === 'string').map(fileOf);
  const commands = scripts && typeof scripts === 'object' ? (scripts as Record<string, unknown>) : {};
  for (const name of ['start', 'serve', 'server', 'dev']) {
    const match = /\bnode\s+(?:--?\S+\s+)*([\w./-]+)/.exec(String(commands[name] ?? ''));
    if (match?.[1]) files.push(fileOf(match[1]));
  }
  return [...new Set(files.filter((file) => file !== undefined))].slice(0, 6);
}

const SPEAKS_HTTP =
  /['"](?:node:)?(?:https?|http2|express|koa|connect|restify|hapi|polka|fastify)['"]|createServer|\breq(?:uest)?\.url\b|\bctx\.(?:path|url|req)\b|\.sendFile\b/;

function ownScripts(directory: string, depth: number): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(packageDirectory, directory), { withFileTypes: true })) {
    if (found.length > 400 || /^(node_modules|test|tests|example|examples|\.)/.test(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth < 4) found.push(...ownScripts(path, depth + 1));
    else if (entry.isFile() && isScript(join(packageDirectory, path))) found.push(path);
  }
  return found;
}

const textOf = (file: string): string => {
  try {
    return readFileSync(join(packageDirectory, file), 'utf8').slice(0, 400_000);
  } catch {
    return '';
  }
};

/** Path prefixes that the package's own texts name, for the request line. */
function prefixesIn(files: readonly string[]): string[] {
  const found = new Set<string>();
  for (const file of files)
    for (const match of textOf(file).matchAll(/['"`](\/[A-Za-z][\w-]{1,24}(?:\/[\w-]{1,24})?)\/?(?:\*|:\w+\*?)?['"`]/g))
      if (match[1] && found.size < 16) found.add(match[1]);
  return [...found];
}

const bin = (file: string, args: readonly PlanValue[], directory?: 'package'): Start => ({
  file,
  format: 'cjs',
  reach: [],
  drive: { kind: 'bin', bin: file, args },
  ...(directory ? { directory } : {}),
});

const loads = (file: string, directory?: 'package'): Start => ({
  file,
  format: 'cjs',
  reach: [],
  drive: { kind: 'http', args: [], requestTarget: '', start: 'load' },
  ...(directory ? { directory } : {}),
});

const LISTENS = /\.listen\s*\(/;

/** Ways to start it without knowing its exports, most likely first. */
function starts(manifest: Manifest, scripts: readonly string[]): { likely: Start[]; further: Start[] } {
  const bins = binFiles(manifest);
  const main = fileOf(typeof manifest.main === 'string' ? manifest.main : 'index.js');
  const listening = scripts.filter((file) => LISTENS.test(textOf(file))).sort((a, b) => a.length - b.length);
  const others = listening.filter((file) => file !== main && !bins.includes(file)).slice(0, 5);
  const likely = [
    ...(main ? [loads('')] : []),
    ...bins.map((file) => bin(file, [])),
    ...(main && listening.includes(main) && !bins.includes(main) ? [bin(main, [])] : []),
    ...bins.flatMap((file) => ARGUMENTS.slice(1).map((args) => bin(file, args))),
  ];
  const further = [
    ...others.flatMap((file) => [loads(file), bin(file, [])]),
    ...(main ? [loads('', 'package')] : []),
    ...bins.slice(0, 2).map((file) => bin(file, [], 'package')),
    ...others.slice(0, 2).map((file) => loads(file, 'package')),
  ];
  return { likely, further };
}

const { root, flag } = prepare();
const scripts = ownScripts('', 0);
const prefixes = prefixesIn(scripts);
const texts: AttackTexts = { ...job.texts, prefixes: [...new Set([...job.texts.prefixes, ...prefixes])] };
let serial = 0;

/** Runs a child to its end, or to the first line that `enough` accepts. */
function run(
  part: Pick<ChildJob, 'file'> & Partial<ChildJob>,
  enough: (line: ChildLine) => boolean,
): Promise<ChildLine[]> {
  const milliseconds = Math.min(part.milliseconds ?? job.attackMilliseconds, Math.max(0, until - Date.now()));
  const { token } = job;
  const place = { work, package: job.package, root };
  const childJob: ChildJob = {
    token,
    place,
    flag,
    texts,
    listenMilliseconds: job.listenMilliseconds,
    ...part,
    milliseconds,
  };
  const path = join(dirname(root), `child-${serial++}.json`);
  writeFileSync(path, JSON.stringify(childJob));
  return new Promise((resolve) => {
    const lines: ChildLine[] = [];
    const child = spawn(process.execPath, ['--no-warnings', childFile, path], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, HOME: work, TMPDIR: '/tmp' },
    });
    const kill = setTimeout(() => child.kill('SIGKILL'), milliseconds + job.listenMilliseconds + 1500);
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = (parts.pop() ?? '').slice(-200_000);
      for (const text of parts) {
        if (!text.startsWith(`${token} `) || lines.length > 200) continue;
        const line = JSON.parse(text.slice(token.length + 1)) as ChildLine;
        lines.push(line);
        if (enough(line)) child.kill('SIGKILL');
      }
    });
    child.on('close', () => {
      clearTimeout(kill);
      resolve(lines);
    });
  });
}

const EXPLORATIONS = 4;

const isHit = (line: ChildLine): line is Extract<ChildLine, { kind: 'hit' }> => line.kind === 'hit';

async function tryStart(start: Start): Promise<boolean> {
  const lines = await run({ file: start.file, start }, isHit);
  const hit = lines.find(isHit);
  const failed = lines.find((line) => line.kind === 'failed');
  const what = `${start.drive.kind} ${start.file} ${start.drive.args.map((arg) => arg.kind).join()}`;
  const listens = lines.some((line) => line.kind === 'listens');
  say({ kind: 'attempt', what, listens, reason: failed?.kind === 'failed' ? failed.reason : '' });
  if (hit) say({ kind: 'found', start, hit: hit.hit });
  return hit !== undefined;
}

async function tryAll(list: readonly Start[]): Promise<boolean> {
  for (const start of list) {
    if (Date.now() > until) {
      say({ kind: 'skipped', what: 'further entry points', reason: 'time limit of the lane' });
      return false;
    }
    if (await tryStart(start)) return true;
  }
  return false;
}

/** What the exports become. A find is tried again alone; where it does not hold alone, the search goes on without it. */
async function explore(file: string): Promise<boolean> {
  const leaveOut: string[] = [];
  for (let round = 0; round < EXPLORATIONS && Date.now() < until; round++) {
    const lines = await run({ file, milliseconds: job.exploreMilliseconds, leaveOut }, isHit);
    for (const line of lines)
      if (line.kind === 'failed')
        say({ kind: 'attempt', what: `exports ${file}`, listens: false, reason: line.reason });
    const found = lines.find(isHit);
    if (!found) return false;
    if (await tryStart(found.start)) return true;
    leaveOut.push(JSON.stringify(found.start));
  }
  return false;
}

async function main(): Promise<void> {
  const manifest = readManifest();
  const speaks = scripts.some((file) => SPEAKS_HTTP.test(textOf(file)));
  if (!speaks) {
    say({ kind: 'skipped', what: 'all', reason: 'nothing in it speaks HTTP' });
    return;
  }
  const { likely, further } = starts(manifest, scripts);
  if (await tryAll(likely.slice(0, 3))) return;
  if (await explore('')) return;
  if (await tryAll(likely.slice(3))) return;
  await tryAll(further);
}

await main();
say({ kind: 'end' });
