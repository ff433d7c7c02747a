/** Types, lint and format, dead code: everything that is wrong with the source without running it. Exit 1 on any. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

const ROOT = dirname(import.meta.dirname);
const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ['tsc', []],
  ['biome', ['ci', '--error-on-warnings', '.']],
  ['knip', ['--no-progress']],
];

let failed = 0;
for (const [tool, options] of CHECKS) {
  const run = spawnSync(join(ROOT, 'node_modules', '.bin', tool), options, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}` },
  });
  process.stderr.write(`${tool}: ${run.status === 0 ? 'clean' : `failed (${run.status ?? run.signal})`}\n`);
  if (run.status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
