/**
 * The first command a stranger types: `npm start -- --exit` in a fresh clone, from an empty npm cache and from a warm one,
 * beside `npm ci` alone in the same run (what the network and the disk ask for). `node bench/start.ts [--report]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TARGET_SECONDS = { empty: 180, warm: 60, again: 2 };

interface Timed {
  readonly seconds: number;
  readonly exit: number | null;
  readonly said: string;
}

function run(directory: string, cache: string, command: string, args: readonly string[]): Timed {
  const before = performance.now();
  const ended = spawnSync(command, args, {
    cwd: directory,
    env: { ...process.env, npm_config_cache: cache, HEADSTART_HOME: '', NODE_COMPILE_CACHE: '' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { seconds: (performance.now() - before) / 1000, exit: ended.status, said: ended.stderr };
}

const directory = mkdtempSync(join(tmpdir(), 'headstart-start-'));
try {
  const cache = join(directory, 'npm-cache');
  const clone = (name: string): string => {
    spawnSync('git', ['clone', '-q', ROOT, join(directory, name)]);
    return join(directory, name);
  };
  const load = loadavg()[0] ?? 0;
  const start = ['start', '--silent', '--', '--exit', '--json'];
  const first = clone('first');
  const empty = run(first, cache, 'npm', start);
  const again = run(first, cache, 'npm', start);
  const second = clone('second');
  const install = run(second, cache, 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  rmSync(second, { recursive: true, force: true });
  const warm = run(clone('third'), cache, 'npm', start);
  const row = (name: string, { seconds, exit }: Timed, target: number): string =>
    `| ${name} | ${seconds.toFixed(1)} | ${(seconds / install.seconds).toFixed(2)} | ${target} | ${exit} |`;
  const day = new Date().toISOString().slice(0, 10);
  const report = [
    `# First start, ${day}`,
    '',
    `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.toFixed(1)} at the start.`,
    'Wall seconds of whole commands in fresh clones. Ratio to `npm ci` alone from the warm cache.',
    '',
    '| What | seconds | ratio | target s | exit |',
    '|---|---|---|---|---|',
    row('`npm start -- --exit`, empty npm cache', empty, TARGET_SECONDS.empty),
    row('`npm start -- --exit`, warm npm cache, nothing installed', warm, TARGET_SECONDS.warm),
    row('second start (resumes)', again, TARGET_SECONDS.again),
    `| \`npm ci\` alone, warm cache | ${install.seconds.toFixed(1)} | 1 | | ${install.exit} |`,
    '',
  ].join('\n');
  process.stdout.write(report);
  for (const { exit, said } of [empty, again, warm]) if (exit !== 0) process.stderr.write(said);
  if (process.argv.includes('--report')) writeFileSync(join(ROOT, 'bench', 'reports', `${day}-start.md`), report);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
