import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { type Home, openHome } from '../store/home.ts';
import { openMasterKey } from '../store/master-key.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { runCommandLine } from './cli.ts';
import { registerStoreCommands } from './store.ts';
import { EXIT } from './terminal.ts';

let directory: string;
let home: Home;
let full: TestDatabase;
let empty: TestDatabase;
let keyId: string;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-cli-store-'));
  home = await openHome(join(directory, 'home'));
  full = await createTestDatabase();
  empty = await createTestDatabase({ empty: true });
  const masterKey = await openMasterKey(home.masterKeyFile, full.database, systemRandom);
  const vault = createVault({ masterKey, random: systemRandom });
  keyId = vault.masterKeyId;
  await vault.createKey(full.database, 'case_1');
});
after(async () => {
  await full.drop();
  await empty.drop();
  rmSync(directory, { recursive: true });
});

async function run(args: string[], at: { home: Home; database: TestDatabase }) {
  const out: unknown[] = [];
  const said: string[] = [];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const open = async () => at.database.database;
  const exit = await runCommandLine(args, {
    terminal,
    register: [
      (program) =>
        registerStoreCommands(program, {
          terminal,
          clock: systemClock,
          home: async () => at.home,
          database: open,
          untouchedDatabase: open,
          findMissingEvidence: async () => ['sha256:gone'],
        }),
    ],
  });
  return { exit, out, said: said.join('\n') };
}

test('backup says which key it needs; restore says what stays closed without it; neither goes over anything', async () => {
  const file = join(directory, 'backup');
  const there = { home, database: full };
  const taken = await run(['backup', file, '--json'], there);
  assert.equal(taken.exit, EXIT.ok);
  assert.match(taken.said, new RegExp(`Without the master key ${keyId}`));
  assert.equal((await run(['backup', file], there)).exit, EXIT.conflict);
  assert.equal((await run(['backup', `${file}2`, '--with-keys', `${file}2`], there)).exit, EXIT.usage);
  const elsewhere = { home: await openHome(join(directory, 'other')), database: empty };
  const restored = await run(['restore', file, '--json'], elsewhere);
  assert.equal(restored.exit, EXIT.ok, restored.said);
  assert.match(restored.said, new RegExp(`1 of 1 sealed records cannot be opened without the master key ${keyId}`));
  assert.equal((await run(['restore', file], elsewhere)).exit, EXIT.conflict);
  assert.equal((await run(['restore', '/etc/hostname'], elsewhere)).exit, EXIT.failed);
});
