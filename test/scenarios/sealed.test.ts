/**
 * Nothing of a sealed finding lies on the disk in the clear: random markers are planted where a finding would carry them,
 * and after a scan that was killed and one that ended, every file of the data directory and a backup is searched for them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemRandom } from '../../src/lib/id.ts';
import { startWorkers, waitUntilIdle } from '../../src/store/job-worker.ts';
import { addJob } from '../../src/store/jobs.ts';
import { createVault } from '../../src/store/vault.ts';
import { createInstallation, type Ended, type Installation } from '../support/installation.ts';

const JOBS_LIMIT_MS = 30_000;

/** Letters only, so that it can be a name of any kind and is changed by no escaping. */
const createMarker = (): string =>
  `q${randomBytes(9)
    .toString('hex')
    .replace(/\d/g, (digit) => 'ghijklmnop'[Number(digit)] ?? 'g')}`;

const MARKERS = {
  func: createMarker(),
  property: createMarker(),
  file: createMarker(),
  command: createMarker(),
  fault: createMarker(),
};

let installation: Installation;
let killed: { readonly pid: number; readonly scratch: readonly string[] };
let finished: Ended;
let backup: string;

before(async () => {
  installation = await createInstallation();
  const target = plantTarget();
  const running = installation.start('scan', target, '--json');
  // The search has ended and its candidates are being verified.
  await running.said(/^ {2}scanned /);
  running.child.kill('SIGKILL');
  const { signal } = await running.ended;
  assert.equal(signal, 'SIGKILL');
  const pid = running.child.pid ?? 0;
  killed = { pid, scratch: scratchOf(pid) };
  await plantForeignJob();
  finished = await installation.run('scan', target, '--json', '--reveal');
  await failWithMarker();
  backup = join(installation.folder, 'backup');
  await installation.expect(0, 'backup', backup);
});

after(() => installation?.close());

function plantTarget(): string {
  const { func, property, file, command } = MARKERS;
  const target = join(installation.folder, 'target');
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(target, name)), { recursive: true });
    writeFileSync(join(target, name), text);
  };
  write('package.json', JSON.stringify({ name: 'headstart-fixture-marked', version: '1.0.0', main: 'index.js' }));
  write('index.js', `exports.${property} = require('./lib/${file}.js');\n`);
  write(
    `lib/${file}.js`,
    `const { exec } = require('node:child_process');
exports.${func} = function ${func}(name, done) {
  exec(\`echo ${command} \${name}\`, (error, stdout) => done(error, stdout));
};
`,
  );
  return target;
}

/** Of another campaign, and it fails whenever it runs. */
async function plantForeignJob(): Promise<void> {
  await installation.inDatabase((database) =>
    addJob(database, 'campaign-measure', { caseId: 'case_none' }, { of: 'campaign_other' }),
  );
}

/** A job whose error quotes what is sealed, kept by the worker the program itself uses, under its own master key. */
async function failWithMarker(): Promise<void> {
  const masterKey = readFileSync(join(installation.home, 'master.key'));
  const vault = createVault({ masterKey, random: systemRandom });
  const marked = async () => {
    throw new Error(`${MARKERS.fault} cannot be loaded`);
  };
  await installation.inDatabase(async (database) => {
    await addJob(database, 'marked', {}, { maxAttempts: 1, of: 'marked' });
    const parts = { database, vault, random: systemRandom, concurrency: 1 };
    const workers = await startWorkers({ ...parts, handlers: { marked } });
    assert.equal((await waitUntilIdle(database, JOBS_LIMIT_MS, ['marked'])).length, 1);
    await workers.stop();
  });
}

/** What a process keeps in memory file systems under its own name. */
function scratchOf(pid: number): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith(`headstart-scratch-${pid}-`));
}

test('a scan finds the planted flaw, and shows it to whoever asks for it', () => {
  const [line] = finished.json;
  assert.equal(line?.status, 'confirmed', finished.stderr);
  assert.ok(String(line?.entry).includes(MARKERS.func) && String(line?.entry).includes(MARKERS.property));
  assert.ok(String(line?.file).includes(MARKERS.file));
  assert.ok(String(line?.reproducer).includes(MARKERS.func));
});

test('a scan neither waits for nor reports the jobs of another campaign, and is marked as finished', async () => {
  assert.equal(finished.code, 0, finished.stderr);
  assert.doesNotMatch(finished.stderr, /failed for good/);
  const { rows } = await installation.inDatabase((database) =>
    database.query<{ finished: boolean }>(
      'select finished_at is not null as finished from campaign.campaigns order by started_at',
    ),
  );
  assert.deepEqual(
    rows.map(({ finished: is }) => is),
    [false, true],
  );
});

test('a scan killed with -9 leaves scratch in memory only, and the next start removes it', (context) => {
  if (!existsSync('/dev/shm')) return context.skip('no /dev/shm here');
  assert.ok(killed.scratch.length > 0, 'the killed process had no scratch: it was killed too early');
  assert.deepEqual(scratchOf(killed.pid), []);
});

test('no file of the data directory holds a marker, raw or encoded: heap, write-ahead log, cache and logs included', () => {
  const { hits, bytes, names } = searchFiles(installation.home);
  assert.deepEqual(hits, []);
  // A search that looked at nothing would find nothing.
  assert.ok(bytes > 16 * 1024 * 1024, `only ${bytes} bytes were searched`);
  assert.ok(
    names.some((name) => name.includes('/pg_wal/')),
    'the write-ahead log was not searched',
  );
  assert.ok(
    names.some((name) => name.includes('cache/engine/')),
    'the engine cache was not searched',
  );
});

test('the text of a failed job is told to whoever asks for it, and to nobody else', async () => {
  const asked = await installation.run('doctor', '--reveal', '--json');
  assert.deepEqual(findMarkers(Buffer.from(asked.stdout)), ['fault']);
  const { stdout } = await installation.run('doctor', '--json');
  assert.match(stdout, /\d failed for good, the last marked \(\d+\): Error/);
  assert.deepEqual(findMarkers(Buffer.from(stdout)), []);
});

test('no marker stands in the backup, unpacked', () => {
  const content = readFileSync(backup);
  const unpacked = content[0] === 0x1f && content[1] === 0x8b ? gunzipSync(content) : content;
  assert.ok(unpacked.length > 1000);
  assert.deepEqual(findMarkers(unpacked), []);
});

test('what the program said without being asked to reveal holds no marker', () => {
  assert.deepEqual(findMarkers(Buffer.from(finished.stderr)), []);
});

test('the search for markers finds one that is there', () => {
  const { func } = MARKERS;
  for (const prefix of ['', 'x', 'xy']) {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const encoded = Buffer.from(`${prefix}${func} and more`).toString(encoding);
      assert.equal(findMarkers(Buffer.from(encoded)).length, 1, `${prefix} ${encoding}`);
    }
  }
  assert.equal(findMarkers(Buffer.from(`a ${func}`)).length, 1);
});

function searchFiles(directory: string): { hits: string[]; bytes: number; names: string[] } {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  let bytes = 0;
  const hits: string[] = [];
  for (const name of names) {
    let content: Buffer;
    try {
      content = readFileSync(name);
    } catch (error) {
      // The database server removes files of its own while we look.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') continue;
      throw error;
    }
    bytes += content.length;
    const told = findMarkers(Buffer.concat([Buffer.from(name), content]));
    if (told.length > 0) hits.push(`${name.slice(directory.length)}: ${told.join(', ')}`);
  }
  return { hits, bytes, names };
}

/** Raw, in hexadecimal, and in base64 at each of the three places a marker can begin at. */
function findMarkers(content: Buffer): string[] {
  return Object.entries(MARKERS).flatMap(([name, marker]) =>
    needlesOf(marker).some((needle) => content.includes(needle)) ? [name] : [],
  );
}

function needlesOf(marker: string): string[] {
  const hex = Buffer.from(marker).toString('hex');
  const inBase64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(`${'\0'.repeat(offset)}${marker}`)
      .toString('base64')
      .replace(/=+$/, '');
    // The characters at both ends depend on the neighbours too.
    return encoded.slice(offset === 0 ? 0 : offset + 1, -1);
  });
  return [marker, hex, hex.toUpperCase(), ...inBase64];
}
