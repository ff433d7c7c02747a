import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TRUST } from '../../test/support/release.ts';
import { generateEd25519Pem } from '../lib/ed25519.ts';
import { ok, refuse } from '../lib/result.ts';
import { openAdoption, readTrust, shippedFrameworks } from '../policy/index.ts';
import type { Adoptions } from '../release/index.ts';
import { registerAdoptionCommands } from './adoption.ts';
import { runCommandLine } from './cli.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const KEPT = {
  ...{ framework: 'house', label: 'a label', digest: `sha256:${'a'.repeat(64)}`, act: `sha256:${'b'.repeat(64)}` },
  ...{ at: NOW, signedBy: ['house/board'], inForce: true, shippedDiffers: false },
};
let folder: string;
let files: { readonly trust: string; readonly key: string };
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-adoption-'));
  files = { trust: join(folder, 'trust.json'), key: join(folder, 'key.pem') };
  await writeFile(files.trust, JSON.stringify(TRUST));
  await writeFile(files.key, generateEd25519Pem());
});
after(() => rm(folder, { recursive: true, force: true }));

async function run(fake: Partial<Adoptions>, ...args: string[]) {
  const [out, said]: [unknown[], string[]] = [[], []];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const parts = { terminal, clock: { now: () => NOW }, adoptions: async () => fake as Adoptions };
  const register = [
    (program: Parameters<typeof registerAdoptionCommands>[0]) => registerAdoptionCommands(program, parts),
  ];
  return {
    exit: await runCommandLine(['release', ...args], { terminal, register }),
    out: out[0],
    said: said.join('\n'),
  };
}

test('an act is made of the framework named, as of now, and by the keys given', async () => {
  const made: Uint8Array[] = [];
  const adopt: Adoptions['adopt'] = async ({ act, framework, trust }) => {
    made.push(act);
    const read = readTrust(trust);
    assert.ok(read.ok);
    const opened = openAdoption(act, [...shippedFrameworks().values()], read.value);
    // Signed by a key that the document of trust does not hold.
    assert.deepEqual([opened.ok, (framework as { id: string }).id], [false, 'house']);
    return ok({ ...KEPT, at: NOW.toISOString() });
  };
  const { exit, said } = await run({ adopt }, 'adopt', 'house', '--trust', files.trust, '--sign', files.key);
  assert.deepEqual([exit, made.length], [0, 1]);
  assert.ok(said.includes(KEPT.act));
});

test('an act without its bodies, and other bytes behind a label, are refused; the alarm names what was adopted before', async () => {
  const given = ['adopt', 'house', '--trust', files.trust, '--sign', files.key];
  const unsigned = await run(
    { adopt: async () => refuse({ kind: 'act-unsigned', why: 'unsigned by board' }) },
    ...given,
  );
  assert.equal(unsigned.exit, 6);
  const changed = { kind: 'label-changed', label: 'a label', before: KEPT.digest } as const;
  const alarmed = await run({ adopt: async () => refuse(changed) }, ...given);
  assert.equal(alarmed.exit, 6);
  assert.match(alarmed.said, new RegExp(`ALARM.*a label.*${KEPT.digest}`));
  const accepted: unknown[] = [];
  const adopt: Adoptions['adopt'] = async ({ acceptChangedBytes }) => {
    accepted.push(acceptChangedBytes);
    return refuse(changed);
  };
  await run({ adopt }, ...given, '--accept-changed-bytes');
  assert.deepEqual(accepted, [true]);
});

test('what is in force is listed; shipped bytes that changed behind an adopted label end with 1', async () => {
  const list = (change: object) => async () => [{ ...KEPT, ...change }];
  assert.equal((await run({ list: list({}) }, 'adoptions')).exit, 0);
  assert.equal((await run({ list: list({ inForce: false, shippedDiffers: true }) }, 'adoptions')).exit, 0);
  const { exit, said } = await run({ list: list({ shippedDiffers: true }) }, 'adoptions');
  assert.equal(exit, 1);
  assert.match(said, /ALARM.*a label/);
});
