/**
 * Of how many published targets can the package's own tests be run? Goes through all of them with what a campaign uses,
 * and a wider budget: counts of the reasons, on standard output.
 *
 *   node bench/own-tests.ts [--at-once 2] [--minutes 30] [--only name,name]
 *                           [--look-only]   says which packages bring a test script and tests, and runs none
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createOwnTests, missingOfTests } from '../src/campaign/index.ts';
import { createRegistry, openPackageSource, openTarget } from '../src/target/index.ts';
import { openSandbox } from './report/open-sandbox.ts';

const { values } = parseArgs({
  options: {
    'at-once': { type: 'string', default: '2' },
    minutes: { type: 'string', default: '30' },
    only: { type: 'string' },
    'look-only': { type: 'boolean', default: false },
  },
});
const BUDGET = { fetchSeconds: 180, runSeconds: 150 };
const only = values.only?.split(',');
const until = Date.now() + Number(values.minutes) * 60_000;
const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', 'shared');
const file = join(shared, 'data', 'npm-targets.json');
const say = (text: string) => process.stderr.write(`${text}\n`);

const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headstart-bench-'));
const scratch = join(home, 'targets');
const registry = createRegistry({ mode: 'cache-first' });
const sandbox = await openSandbox(join(home, 'state'));

/** In a few words what became of the tests. The same version stands for both: whatever runs at all is no worse. */
async function fateOf(target: string): Promise<string> {
  const source = await openPackageSource({ target, scratch, registry });
  if (!source.ok) return 'the version is not in the registry';
  const missing = await missingOfTests(source.value.directory);
  await source.value.dispose();
  if (missing) return missing;
  if (values['look-only']) return 'a test script, and tests among the published files';
  const tree = await openTarget({ target, scratch, registry });
  if (!tree.ok) return `its dependencies cannot be fetched: ${tree.refusal.kind}`;
  const tests = createOwnTests({ run: sandbox.run, scratch, registry, budget: BUDGET }, target);
  try {
    const { outcome, reason } = await tests.compare(tree.value, tree.value, tree.value);
    say(`${target}: ${outcome}: ${reason}`);
    return outcome === 'not-run' ? reason.replace(/: .*/, '') : 'they run';
  } finally {
    await tests.dispose();
    await tree.value.dispose();
  }
}

if (!existsSync(file)) {
  say(`skipped: ${file} is missing`);
} else {
  const rows = JSON.parse(readFileSync(file, 'utf8')) as { readonly package: string; readonly version: string }[];
  const targets = [...new Set(rows.map((row) => `pkg:npm/${row.package}@${row.version}`))].filter(
    (target) => only?.some((name) => target.startsWith(`pkg:npm/${name}@`)) ?? true,
  );
  const fates = new Map<string, number>();
  const waiting = targets.values();
  const worker = async () => {
    for (const target of waiting) {
      const fate = Date.now() > until ? 'not reached in the time given' : await fateOf(target).catch(String);
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, worker));
  for (const [fate, count] of [...fates].sort(([, left], [, right]) => right - left))
    process.stdout.write(`- ${count} of ${targets.length}: ${fate}\n`);
}
await sandbox.close();
rmSync(home, { recursive: true, force: true });
