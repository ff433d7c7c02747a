/**
 * Runs the tests against one database server made for this run: `node scripts/run-tests.ts [--slow] [files or globs…]`.
 * The last line is `N passed, N failed` (and `, N skipped`); the exit status is 0 only if something ran and nothing failed.
 */
import { globSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { CLONE_HOME, ensureBubblewrap } from '../src/sandbox/index.ts';
import { startPostgres } from '../src/store/postgres-launcher.ts';
import { makeTestDirectory } from '../src/store/test-directory.ts';

const PARALLEL_FILES = 2;
const FILE_TIMEOUT_MS = { fast: 9 * 60_000, slow: 60 * 60_000 };
const FAST = ['src/**/*.test.ts', 'test/**/*.test.ts'];
const SLOW = ['src/**/*.slow.ts', 'test/**/*.slow.ts'];

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const given = process.argv.slice(2);
const named = given.filter((argument) => argument !== '--slow');
const patterns = named.length > 0 ? named : [...FAST, ...(given.includes('--slow') ? SLOW : [])];
const files = [...new Set(patterns.flatMap((pattern) => globSync(pattern)))].toSorted();
const isSlow = (file: string): boolean => file.endsWith('.slow.ts');

const stop = new AbortController();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true;
    stop.abort();
  });
}

const bubblewrap = await ensureBubblewrap({
  home: CLONE_HOME,
  noApt: process.env.HEADSTART_NO_APT === '1',
  say: (line) => void process.stderr.write(`${line}\n`),
});
// The tests that need the sandbox will fail and say so; the others still run.
if (!bubblewrap.ok) process.stderr.write(`${bubblewrap.refusal.reason}\n`);

const directory = makeTestDirectory('headstart-tests-');
try {
  const server = await startPostgres({ directory: join(directory, 'postgres'), throwaway: true });
  try {
    process.env.HEADSTART_TEST_DATABASE_URL = server.url;
    const count = await runFiles();
    // A run of no tests is a mistake in the patterns, not a success.
    process.exitCode = interrupted || count.failed > 0 || count.passed === 0 ? 1 : 0;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`);
  } finally {
    await server.stop();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** Slow files come last and have the machine to themselves: what they measure by the clock is the machine's. */
async function runFiles(): Promise<Count> {
  const fast = files.filter((file) => !isSlow(file));
  const slow = files.filter(isSlow);
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  const ways = [
    { files: fast, concurrency: PARALLEL_FILES, timeout: FILE_TIMEOUT_MS.fast },
    { files: slow, concurrency: 1, timeout: FILE_TIMEOUT_MS.slow },
  ];
  for (const way of ways.filter((each) => each.files.length > 0)) {
    const events = run({ ...way, signal: stop.signal });
    events.on('test:summary', ({ file, counts, success }) => {
      // The one without a file is of the whole run.
      if (file !== undefined) return;
      const skipped = counts.skipped + counts.todo;
      count.passed += counts.passed;
      count.skipped += skipped;
      count.failed += Math.max(counts.tests - counts.passed - skipped, success ? 0 : 1);
    });
    for await (const text of events.compose(new spec())) process.stdout.write(text);
  }
  return count;
}
