/** Logs of half a gigabyte, as hostile as they come: taken in with flat memory, every result with its fate, or refused whole. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Installation } from '../support/installation.ts';

const MB = 1024 * 1024;
/** The limit wanted for memory, whatever comes in. */
const MOST_RESIDENT_MB = 1_024;
const LOOK_EVERY_MS = 100;
const HEAD = '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[]}},"results":[';

let installation: Installation;
before(async () => {
  installation = await createInstallation();
  await installation.expect(0, 'intake', 'count');
});
after(() => installation?.close());

async function write(name: string, pieces: Iterable<string>): Promise<string> {
  const path = join(installation.folder, name);
  const file = createWriteStream(path);
  for (const piece of pieces) if (!file.write(piece)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
  return path;
}

/** Imports a file, and tells the most memory that the importing process had. */
async function take(path: string) {
  const running = installation.start('import', path, '--json');
  let residentMb = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${running.child.pid}/status`, 'utf8');
      residentMb = Math.max(residentMb, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  }, LOOK_EVERY_MS);
  const ended = await running.ended;
  clearInterval(look);
  return { ...ended, residentMb };
}

function* resultsOf(results: number, textBytes: number): Generator<string> {
  const text = 'x'.repeat(textBytes);
  for (let at = 0; at < results; at += 1) {
    const place = `{"artifactLocation":{"uri":"src/f${at % 500}.c"},"region":{"startLine":${(at % 900) + 1}}}`;
    yield `,{"ruleId":"r${at % 50}","message":{"text":"${text} ${at}"},"locations":[{"physicalLocation":${place}}]}`;
  }
}

test('of 500 MB one result is 300 MB long: it is rejected and kept, the 10,000 others are findings, in flat memory', async () => {
  function* log(): Generator<string> {
    yield `${HEAD}{"ruleId":"huge","message":{"text":"`;
    for (let at = 0; at < 300; at += 1) yield 'A'.repeat(MB);
    yield '"},"locations":[]}';
    yield* resultsOf(10_000, 20_000);
    yield ']}]}';
  }
  const { code, json, stderr, residentMb } = await take(await write('large.sarif', log()));
  assert.equal(code, 0, stderr);
  const [{ received, canonical, merged, rejected } = {}] = json as readonly Record<string, number>[];
  assert.equal(received, 10_001);
  assert.equal(received, (canonical ?? 0) + (merged ?? 0) + (rejected ?? 0));
  assert.equal(rejected, 1);
  assert.ok(residentMb > 0 && residentMb < MOST_RESIDENT_MB, `${residentMb} MB`);
});

test('what ends in the middle, or nests without end, is refused whole before anything of them is a finding', async () => {
  function* cut(): Generator<string> {
    yield `${HEAD}{"ruleId":"a","message":{"text":"b"}}`;
    yield* resultsOf(5_000, 20_000);
  }
  function* nested(): Generator<string> {
    yield '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"properties":';
    for (let at = 0; at < 100; at += 1) yield '['.repeat(MB);
  }
  for (const [name, pieces] of [
    ['cut.sarif', cut()],
    ['nested.sarif', nested()],
  ] as const) {
    const { code, json, stderr, residentMb } = await take(await write(name, pieces));
    assert.equal(code, 1, `${name}: ${stderr}`);
    const [{ received, rejected } = {}] = json as readonly Record<string, number>[];
    assert.deepEqual([received, rejected], [1, 1], name);
    assert.ok(residentMb > 0 && residentMb < MOST_RESIDENT_MB, `${name}: ${residentMb} MB`);
  }
});
