import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** The lines that the script prints for these calls of a package with this text. */
async function saidOf(source: string, calls: readonly object[], pauseMs = 0): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'headstart-benign-'));
  try {
    mkdirSync(join(home, 'node_modules', 'wordy'), { recursive: true });
    writeFileSync(join(home, 'node_modules', 'wordy', 'index.js'), source);
    const plain = { isEntry: true, isGuess: false, file: '', format: 'cjs', payload: '' };
    const all = calls.map((call, index) => ({ id: `call ${index}`, ...plain, ...call }));
    const job = { token: 'token', name: 'wordy', file: '', format: 'cjs', reach: [], calls: all };
    writeFileSync(join(home, 'job.json'), JSON.stringify(job));
    const script = join(import.meta.dirname, 'benign-inside.ts');
    const child = spawn(process.execPath, ['--no-warnings', script, 'job.json'], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // Not read until what fits into the pipe is there, and for a while longer.
    await once(child.stdout, 'readable');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    let said = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) said += chunk;
    return said;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const callOf = (name: string, value: unknown = null) => ({
  reach: [{ kind: 'get', name }],
  drive: { kind: 'call', args: [{ kind: 'json', value }], after: [] },
});

test('what is said while the reader sleeps is not lost', async () => {
  // The package touches its standard output, after which a full pipe refuses instead of waiting.
  const source = "process.stdout; exports.say = (n) => 'x'.repeat(500) + n;";
  const calls = Array.from({ length: 300 }, (_, index) => callOf('say', index));
  const said = await saidOf(source, calls, 1_000);
  assert.equal(said.match(/"kind":"did"/g)?.length, 300);
  assert.match(said, /token \{"kind":"done"\}/);
});

test('of an emitter of the package what it holds openly is seen, of one of Node only what it is', async () => {
  const source = `
const { EventEmitter } = require('node:events');
class Basket extends EventEmitter { constructor(fruit) { super(); this.fruit = fruit; this._own = 'hidden'; } }
exports.pack = (fruit) => new Basket(fruit);
exports.listen = () => require('node:net').createServer();
`;
  const said = await saidOf(source, [callOf('pack', 'pear'), callOf('listen')]);
  assert.match(said, /text pear/);
  assert.doesNotMatch(said, /hidden|_events/);
  assert.match(said, /"emitter Server"/);
});

const withCallback = (name: string) => ({
  reach: [{ kind: 'get', name }],
  drive: { kind: 'call', args: [{ kind: 'callback' }], after: [] },
});

test('a callback that comes late is seen, whatever brings it', async () => {
  const source = `
exports.late = (done) => { setTimeout(() => setTimeout(done, 90, 'twice'), 90); };
exports.loose = (done) => { setTimeout(done, 150, 'loose').unref(); };
exports.read = (done) => require('node:fs').readFile(__filename, () => done('read'));
exports.program = (done) => require('node:child_process').exec('x', () => setTimeout(done, 60, 'ran'));
exports.promised = (done) => new Promise((resolve) => setTimeout(resolve, 120)).then(() => done('promised'));
exports.never = () => {};
exports.open = () => new Promise((resolve) => setTimeout(resolve, 200, 'opened'));
exports.unsettled = () => new Promise(() => {});
`;
  const words = { late: 'twice', loose: 'loose', read: 'read', program: 'ran', promised: 'promised' };
  const names = [...Object.keys(words), 'never', 'open', 'unsettled'];
  const said = await saidOf(source, names.map(withCallback));
  const lines = said.split('\n').filter((line) => line.includes('"kind":"did"'));
  const outcomes = lines.map((line) => JSON.parse(line.slice('token '.length)).outcome);
  for (const [at, word] of Object.values(words).entries()) {
    assert.match(JSON.stringify(outcomes[at].calls), new RegExp(`text ${word}`));
  }
  const [never, open, unsettled] = outcomes.slice(-3);
  assert.deepEqual(never.calls, []);
  assert.match(JSON.stringify(open.result), /text opened/);
  assert.match(JSON.stringify(unsettled.result), /text never/);
});

test('nothing is waited for once nothing is under way', () => {
  const program = `
    import { rememberStanding, waitFor } from ${JSON.stringify(join(import.meta.dirname, 'waiting-inside.ts'))};
    process.stdout;
    rememberStanding();
    const looks = async () => { let count = 0; await waitFor(() => { count += 1; return false; }, 1_000); return count; };
    const idle = await looks();
    setTimeout(() => undefined, 100);
    const busy = await looks();
    process.stdout.write(JSON.stringify({ idle, busy }));`;
  const { stdout } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program]);
  const { idle, busy } = JSON.parse(String(stdout));
  assert.equal(idle, 3);
  assert.ok(busy > idle && busy < 100, `${busy} looks`);
});
