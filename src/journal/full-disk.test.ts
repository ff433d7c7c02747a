import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { verifyJournal } from './index.ts';

/** In a process of its own whose files may hold 20 KiB: the kernel then refuses a write as a full disk does, in its middle. */
const WRITER = `
  const [source, home, pem] = process.argv.slice(1);
  const { openJournal } = await import(source + '/journal.ts');
  const { createEd25519Signer } = await import(source + '/../lib/ed25519.ts');
  const { createPrivateKey } = await import('node:crypto');
  process.on('SIGXFSZ', () => {});
  const signer = createEd25519Signer(createPrivateKey(pem));
  const gateway = 'gateway_' + 'ab'.repeat(16);
  const journal = await openJournal({ home, gateway, clock: { now: () => new Date() }, signer, onTrouble: console.error });
  const who = { organisation: 'o', person: 'p', grant: 'g', scope: undefined, requestSha256: 'x'.repeat(3000) };
  let calls = 0;
  const admit = () => {
    calls += 1;
    const call = 'call_' + calls;
    const record = { ...who, call, lease: 'lease_1', limits: [], reservedMicro: 1, key: 'k', model: 'm' };
    return journal.admit(record).then(() => call);
  };
  const admitted = [];
  let error;
  while (!error) await admit().then((call) => admitted.push(call), (refusal) => { error = refusal; });
  const tokens = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
  let isSettled = false;
  const settled = journal.settle({ ...who, call: admitted[0], gateway, at: '', tier: '', asked: '', served: '', why: '',
    verdicts: [], tokens, costMicro: 1, reservedMicro: 1, outcome: 'ended', admitted: { batch: 1, record: 0 } });
  settled.then(() => { isSettled = true; });
  const again = await admit().then(() => 'admitted', ({ name }) => name);
  console.log(JSON.stringify({ admitted: admitted.length, error: error.name, again, isSettled, directory: journal.directory }));
  process.stdin.once('data', async () => {
    const { text } = await settled;
    for (;;) {
      if (await admit().then(() => true, () => false)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await journal.close();
    console.log(JSON.stringify({ hasReceipt: text.includes('"leaf"') }));
    process.exit(0);
  });
`;

test('on a full disk calls are refused and nothing is damaged; what had happened is written when there is space', async () => {
  const home = mkdtempSync(join(tmpdir(), 'headstart-full-'));
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = createEd25519Signer(privateKey);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const node = [process.execPath, '--input-type=module', '-e', WRITER, '--', import.meta.dirname, home, pem];
  const child = spawn('bash', ['-c', 'ulimit -S -f 20 && exec "$0" "$@"', ...node], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = JSON.parse((await lines.next()).value ?? '{}');
    const { directory, admitted, ...full } = first;
    assert.ok(admitted > 1);
    assert.deepEqual(full, { error: 'JournalFull', again: 'JournalFull', isSettled: false });
    const before = await verifyJournal(directory, signer.publicKey);
    assert.ok(before.ok && before.value.admitted === admitted && before.value.tornBytes === 0, JSON.stringify(before));
    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:']);
    child.stdin.write('there is space again\n');
    assert.deepEqual(JSON.parse((await lines.next()).value ?? '{}'), { hasReceipt: true });
    const after = await verifyJournal(directory, signer.publicKey);
    assert.ok(after.ok && after.value.receipts === 1 && after.value.isClosed, JSON.stringify(after));
    assert.equal(after.value.admitted, admitted + 1);
  } finally {
    child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  }
});
