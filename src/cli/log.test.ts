import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { createTlog, type SealedFinding } from '../tlog/index.ts';
import { runCommandLine } from './cli.ts';
import { registerLogCommands } from './log.ts';
import type { Terminal } from './terminal.ts';

const NOW = new Date('2030-01-01T12:00:00Z');
const VALUES = {
  caseId: 'case_00000000000000000000000000000001',
  class: 'path-traversal',
  reportDate: '2030-01-01',
  reporter: 'Example Laboratory',
  reproducerSha256: 'ab'.repeat(32),
  severity: 'high',
  target: 'pkg:npm/example',
  version: '1.2.3',
};

const { database, drop } = await createTestDatabase();
const root = await mkdtemp(join(tmpdir(), 'headstart-cli-log-'));
const home = join(root, 'home');
after(async () => {
  await rm(root, { recursive: true, force: true });
  await drop();
});
const clock = { now: () => NOW };
const log = await createTlog({ database, home, clock, random: systemRandom });
const openedBy = new Date('2030-01-15T00:00:00Z');
const sealed = await database.transaction((tx) => log.seal(tx, { values: VALUES, openedBy }));
assert.ok(sealed.ok);
const { commitment, entry, sealed: secret } = sealed.value;
await log.sequence();
const older = join(root, 'older');
await cp(join(home, 'public'), older, { recursive: true });
await database.transaction(async (tx) => {
  const extended = { type: 'extension', commitment, openedBy: '2030-02-01', reason: 'the maintainer asked' } as const;
  assert.ok((await log.append(tx, extended)).ok);
});
await log.sequence();

let scratchCount = 0;
/** A copy of the public folder that a test may spoil. */
async function copyPublic(): Promise<string> {
  scratchCount += 1;
  const copy = join(root, `copy-${scratchCount}`);
  await cp(join(home, 'public'), copy, { recursive: true });
  return copy;
}

async function run(...args: string[]) {
  return runAt(home, ...args);
}

/** As a stranger: an empty data directory. */
async function runAt(dataDirectory: string, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    json: (value) => void out.push(JSON.stringify(value)),
    data: (text) => void out.push(String(text)),
    say: (line) => void err.push(line),
  };
  const revealSealed = async (id: string): Promise<{ commitment: string; sealed: SealedFinding } | undefined> =>
    id === commitment || id === VALUES.caseId ? { commitment, sealed: secret } : undefined;
  const deps = { terminal, clock, home: dataDirectory, revealSealed };
  const exit = await runCommandLine(args, { terminal, register: [(program) => registerLogCommands(program, deps)] });
  return { exit, out: out.join(''), err: err.join('\n') };
}

test('the own log verifies: exit 0 and one JSON value', async () => {
  const { exit, out } = await run('log', 'verify', join(home, 'public', 'log'), '--json');
  assert.equal(exit, 0);
  const { ok, size, statements, commitments, origin } = JSON.parse(out);
  assert.deepEqual(
    { ok, size, statements, commitments, origin },
    { ok: true, size: 3, statements: 3, commitments: 1, origin: log.origin },
  );
});

test('a stranger verifies a copy, the public folder or the log folder, with the key or the policy alone', async () => {
  const copy = await copyPublic();
  const stranger = join(root, 'stranger');
  for (const args of [
    [copy],
    [join(copy, 'log')],
    [copy, '--policy', join(copy, 'witness-policy')],
    [copy, '--key', join(copy, 'log.pub')],
  ]) {
    assert.equal((await runAt(stranger, 'log', 'verify', ...args)).exit, 0, args.join(' '));
  }
  await rm(join(copy, 'log.pub'));
  const { exit, err } = await runAt(join(root, 'other'), 'log', 'verify', copy);
  assert.equal(exit, 1);
  assert.match(err, /no key to trust/);
});

test('a changed entry, a lost tile, a foreign key and a place without a log end with 1 or 4 and the reason', async () => {
  const spoilers: [number, RegExp, (copy: string) => Promise<unknown>][] = [
    [1, /wrong/, async (copy) => writeFile(join(copy, 'log/tile/entries/000.p/3'), 'x')],
    [1, /missing/, (copy) => rm(join(copy, 'log/tile/0/000.p/3'))],
    [1, /an old (state|checkpoint)/, (copy) => cp(join(older, 'log/checkpoint'), join(copy, 'log/checkpoint'))],
    [1, /no vkey/, (copy) => writeFile(join(copy, 'log.pub'), 'nonsense')],
    [4, /no log/, (copy) => rm(join(copy, 'log/checkpoint'))],
    [4, /no log/, (copy) => rm(copy, { recursive: true })],
  ];
  for (const [expected, reason, spoil] of spoilers) {
    const copy = await copyPublic();
    await spoil(copy);
    const { exit, out, err } = await run('log', 'verify', copy, '--json');
    assert.equal(exit, expected, err);
    assert.match(err, reason);
    assert.equal(JSON.parse(out).ok, false);
  }
});

test('an old state of the whole log is refused by whoever saw the newer one', async () => {
  assert.equal((await runAt(join(root, 'newcomer'), 'log', 'verify', older)).exit, 0);
  const { exit, err } = await run('log', 'verify', older);
  assert.equal(exit, 1);
  assert.match(err, /an old state is shown/);
  assert.equal((await run('log', 'verify', older, '--no-memory')).exit, 0);
});

test('an entry is proven by index, by its id and by its commitment, and the proof checks offline', async () => {
  for (const name of ['1', entry, commitment]) {
    const { exit, out } = await run('log', 'prove', name);
    assert.equal(exit, 0);
    const path = join(root, 'one.tlog-proof');
    await writeFile(path, out);
    const checked = await run('log', 'check', path, '--json');
    assert.equal(checked.exit, 0, checked.err);
    const { index, statement } = JSON.parse(checked.out);
    assert.deepEqual([index, statement.commitment], [1, commitment]);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('index 1', 'index 0'));
    assert.equal((await run('log', 'check', path)).exit, 1);
  }
  assert.equal((await run('log', 'prove', '3')).exit, 4);
  assert.equal((await run('log', 'prove', 'entry_none')).exit, 4);
  assert.equal((await run('log', 'check', join(root, 'none'))).exit, 4);
});

test('one field is opened and checked against the log, and a changed value is not', async () => {
  const { exit, out } = await run('commit', 'open', VALUES.caseId, '--field', 'severity', '--json');
  assert.equal(exit, 0);
  const opening = JSON.parse(out);
  assert.deepEqual([opening.name, opening.value, opening.commitment], ['severity', 'high', commitment]);
  const path = join(root, 'opening.json');
  await writeFile(path, out);
  assert.equal((await run('commit', 'check', path)).exit, 0);
  await writeFile(path, JSON.stringify({ ...opening, value: 'low' }));
  assert.equal((await run('commit', 'check', path)).exit, 1);
  assert.equal((await run('commit', 'open', 'finding_none', '--field', 'severity')).exit, 4);
  assert.equal((await run('commit', 'open', commitment, '--field', 'colour')).exit, 2);
});

test('nothing is overdue on the last day, and one opening is on the next', async () => {
  const onTheDay = await run('log', 'overdue', '--as-of', '2030-02-01', '--json');
  assert.equal(onTheDay.exit, 0, onTheDay.err);
  const { exit, out } = await run('log', 'overdue', '--as-of', '2030-02-02', '--json');
  assert.equal(exit, 1);
  const { overdue } = JSON.parse(out);
  assert.equal(overdue.length, 1);
  assert.deepEqual([overdue[0].commitment, overdue[0].daysOverdue, overdue[0].promised], [commitment, 1, '2030-01-15']);
  assert.equal((await run('log', 'overdue', '--as-of', 'soon')).exit, 2);
});

test('a log behind an address verifies; one that answers errors, floods or hangs up is never a yes', async () => {
  let mode: 'honest' | 'error' | 'flood' | 'hang-up' | 'redirect' = 'honest';
  const server = createServer((request, response) => {
    if (mode === 'error') return void response.writeHead(500).end();
    if (mode === 'hang-up') return void response.destroy();
    if (mode === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
    if (mode === 'flood') return void response.writeHead(200).end(Buffer.alloc(1_000_000));
    readFile(join(home, 'public', request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.equal((await run('log', 'verify', `${url}/log`)).exit, 0);
    assert.equal((await run('log', 'verify', url)).exit, 0);
    assert.equal((await run('log', 'verify', `${url}/nothing`)).exit, 4);
    for (const bad of ['error', 'flood', 'hang-up', 'redirect'] as const) {
      mode = bad;
      assert.equal((await run('log', 'verify', `${url}/log`)).exit, 7, bad);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('wrong usage is 2', async () => {
  for (const args of [
    ['log', 'verify', '--nonsense'],
    ['log', 'prove'],
    ['commit', 'open', 'x'],
  ]) {
    assert.equal((await run(...args)).exit, 2, args.join(' '));
  }
});
