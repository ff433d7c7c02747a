import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { createId, systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createVault, KeyShredded } from '../store/vault.ts';
import { createPromptKeeper, destroyPrompts, lookAtPrompt, openJournal } from './index.ts';

let test1: TestDatabase;
let home: string;
before(async () => {
  test1 = await createTestDatabase();
  home = mkdtempSync(join(tmpdir(), 'headstart-prompts-'));
});
after(async () => {
  rmSync(home, { recursive: true });
  await test1.drop();
});

const vault = createVault({ masterKey: randomBytes(32), random: systemRandom });
const PROMPT = 'please look for flaws in our own library';
const fail = (error: Error) => assert.fail(error);

async function keep(day: string, bodies: readonly string[]) {
  const clock = { now: () => new Date(`${day}T12:00:00Z`) };
  const gateway = createId('gateway', systemRandom);
  const parts = { database: test1.database, vault, clock, random: systemRandom, home, gateway, onTrouble: fail };
  const keeper = createPromptKeeper(parts);
  const calls = bodies.map((body) => {
    const call = createId('call', systemRandom);
    keeper.retain(call, Buffer.from(body));
    return call;
  });
  await keeper.close();
  return { calls, parts };
}

const openLooks = () =>
  openJournal({
    home,
    gateway: createId('gateway', systemRandom),
    clock: systemClock,
    signer: createEd25519Signer(generateKeyPairSync('ed25519').privateKey),
    onTrouble: fail,
  });

const readAll = (folder: string): Buffer =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
  );

test('a prompt is kept encrypted, and read only after the look is in the journal', async () => {
  const { calls, parts } = await keep('2026-11-20', [PROMPT, 'another', '']);
  assert.ok(!readAll(home).includes('flaws in our own'));
  const journal = await openLooks();
  const bodies = [];
  for (const call of calls) {
    const body = await lookAtPrompt(parts, journal, { call, person: 'person_1', reason: 'appeal 12' });
    bodies.push(body?.toString());
  }
  assert.deepEqual(bodies, [PROMPT, 'another', '']);
  const unknown = { call: createId('call', systemRandom), person: 'person_1', reason: 'appeal 13' };
  assert.equal(await lookAtPrompt(parts, journal, unknown), undefined);
  await journal.close();
  const lines = readAll(journal.directory).toString();
  assert.equal(lines.match(/"type":"look"/g)?.length, 4);
  assert.match(lines, /"person":"person_1","reason":"appeal 12"/);
});

test('where the look cannot be written, nothing is shown', async () => {
  const { calls, parts } = await keep('2026-11-21', [PROMPT]);
  const full = { look: () => Promise.reject(new Error('the disk is full')) };
  const look = { call: calls[0] ?? 'call_', person: 'p', reason: 'r' } as const;
  await assert.rejects(lookAtPrompt(parts, full, look), /disk is full/);
});

test('at the end of the retention the key is shredded and the file is gone; a later day stays', async () => {
  const old = await keep('2026-01-01', [PROMPT]);
  const later = await keep('2026-01-02', [PROMPT]);
  const { rows } = await test1.database.query<{ key_id: string; sealed_key: Buffer }>(
    `select key_id, sealed_key from journal.prompt_days where day = '2026-01-01'`,
  );
  const clock = { now: () => new Date('2026-02-01T00:00:00Z') };
  assert.deepEqual(await destroyPrompts({ ...old.parts, clock }, 30), ['2026-01-01']);
  assert.deepEqual(readdirSync(join(home, 'prompts')).includes('2026-01-01'), false);
  const [row] = rows;
  assert.ok(row);
  await assert.rejects(
    test1.database.transaction((tx) => vault.open(tx, row.key_id, row.sealed_key, 'prompts/2026-01-01')),
    KeyShredded,
  );
  const journal = await openLooks();
  const look = (call: `call_${string}`) => lookAtPrompt(old.parts, journal, { call, person: 'p', reason: 'r' });
  assert.equal(await look(old.calls[0] ?? 'call_'), undefined);
  assert.equal((await look(later.calls[0] ?? 'call_'))?.toString(), PROMPT);
  await journal.close();
  await assert.rejects(destroyPrompts({ ...old.parts, clock }, 0), RangeError);
});
