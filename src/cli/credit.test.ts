import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Journal, openJournal, openReceiptKey } from '../journal/index.ts';
import { createLedger } from '../ledger/index.ts';
import { systemClock } from '../lib/clock.ts';
import { createId, systemRandom } from '../lib/id.ts';
import { ok, refuse } from '../lib/result.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { runCommandLine } from './cli.ts';
import { type CreditCommandParts, registerCreditCommands } from './credit.ts';
import { registerJournalCommands } from './journal.ts';

let test1: TestDatabase;
let home: string;
before(async () => {
  test1 = await createTestDatabase();
  home = mkdtempSync(join(tmpdir(), 'headstart-credit-'));
});
after(async () => {
  rmSync(home, { recursive: true });
  await test1.drop();
});

const membership: Awaited<ReturnType<CreditCommandParts['membership']>> = {
  findOrganisation: async (named) =>
    named === 'acme'
      ? ok({ id: 'organisation_1', name: named, standing: 'approved', tier: 'partner' })
      : refuse({ kind: 'not-found', what: 'organisation', named }),
};

async function run(...args: string[]) {
  const out: unknown[] = [];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: (value: string | Uint8Array) => void out.push(String(value)),
    say: () => {},
  };
  const ledger = async () => createLedger({ database: test1.database, clock: systemClock });
  const looks = async (call: string) => (call === 'call_kept' ? Buffer.from('kept') : undefined);
  const exit = await runCommandLine(args, {
    terminal,
    register: [
      (program) => registerCreditCommands(program, { terminal, ledger, membership: async () => membership }),
      (program) => registerJournalCommands(program, { terminal, home, lookAtPrompt: looks }),
    ],
  });
  return { exit, out };
}

test('credit is granted to the millionth of a dollar, and what is no amount changes nothing', async () => {
  const shown = { grantedMicro: 12_000_001, reservedMicro: 0, spentMicro: 0, availableMicro: 12_000_001 };
  assert.deepEqual(await run('credit', 'grant', 'acme', '12.000001', '--json'), { exit: 0, out: [shown] });
  for (const dollars of ['-1', '0', '1e3', '0.0000001', '1,5', '9007199254.740992', '9007199253']) {
    assert.equal((await run('credit', 'grant', '--json', '--', 'acme', dollars)).exit, 2, dollars);
  }
  assert.deepEqual(await run('credit', 'show', 'acme', '--json'), { exit: 0, out: [shown] });
  assert.equal((await run('credit', 'show', 'nobody', '--json')).exit, 4);
  assert.equal((await run('credit', 'refund', 'call_none', '1', '--reason', 'x')).exit, 4);
  const donated = await run('credit', 'donate', 'apache', '1.5', '--reason', 'gift', '--json');
  assert.deepEqual(donated.out, [{ project: 'apache', donatedMicro: 1_500_000 }]);
});

async function receiptOf(journal: Journal, gateway: `gateway_${string}`): Promise<string> {
  const call = createId('call', systemRandom);
  const who = { organisation: 'o', person: 'p', grant: 'g', scope: undefined, requestSha256: '' };
  const admit = { ...who, call, lease: 'lease_1', limits: [], reservedMicro: 9, key: 'k', model: 'm' } as const;
  const admitted = await journal.admit(admit);
  const { text } = await journal.settle({
    ...who,
    call,
    gateway,
    admitted,
    at: '',
    tier: '',
    asked: 'm',
    served: 'm',
    why: '',
    verdicts: [],
    tokens: { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
    costMicro: 4,
    reservedMicro: 9,
    outcome: 'ended',
  });
  return text;
}

test('a receipt and its journal are checked by command; one that was changed is told by the exit code', async () => {
  assert.equal((await run('journal', 'verify')).exit, 4);
  const gateway = createId('gateway', systemRandom);
  mkdirSync(join(home, 'public'));
  const signer = await openReceiptKey(home);
  const journal = await openJournal({ home, gateway, clock: systemClock, signer, onTrouble: assert.fail });
  const text = await receiptOf(journal, gateway);
  await journal.close();
  const file = join(home, 'receipt.json');
  writeFileSync(file, text);
  assert.equal((await run('receipt', 'check', file, '--json')).exit, 0);
  writeFileSync(file, text.replace('"costMicro":4', '"costMicro":5'));
  assert.equal((await run('receipt', 'check', file, '--json')).exit, 1);
  const verified = await run('journal', 'verify', '--json');
  assert.equal(verified.exit, 0);
  assert.equal((verified.out[0] as { receipts?: unknown }).receipts, 1);
  writeFileSync(join(journal.directory, '000001.journal'), 'batch 1 2 nothing\n');
  assert.equal((await run('journal', 'verify', '--json')).exit, 1);
});

test('a prompt is shown to a person with a reason, and to nobody without', async () => {
  assert.deepEqual(await run('prompt', 'show', 'call_kept', '--person', 'p', '--reason', 'r'), {
    exit: 0,
    out: ['kept'],
  });
  assert.equal((await run('prompt', 'show', 'call_kept', '--person', 'p')).exit, 2);
  assert.equal((await run('prompt', 'show', 'call_gone', '--person', 'p', '--reason', 'r')).exit, 4);
});
