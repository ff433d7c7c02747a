import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, FINDING, newCase, PUBLISHER, type World } from '../../test/support/disclosure.ts';
import { checkSchema } from '../formats/schema-check.ts';
import { validateText } from '../formats/validate.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { formatVerifierKey, readEntry, type Statement, verifyLog } from '../tlog/index.ts';
import { createPublishing, type Publishing } from './publish.ts';
import { openReleaseSigners } from './release-key-service.ts';

const TEST_SCRYPT = 1_024;
const PASSPHRASES = ['correct horse', 'battery staple'] as const;

let world: World;
let publishing: Publishing;
let signers: readonly [Ed25519Signer, Ed25519Signer];

const publishingOf = (it: World): Publishing => createPublishing({ ...it, publisher: PUBLISHER });
const by = { actor: 'operator' };

before(async () => {
  world = await createWorld();
  publishing = publishingOf(world);
  const opened = await openReleaseSigners({ ...world, scryptN: TEST_SCRYPT }, 'demonstration', PASSPHRASES);
  assert.ok(opened.ok);
  signers = opened.value;
});
after(() => world.close());

async function fixed(finding = FINDING): Promise<string> {
  const id = await world.open({ finding });
  for (const step of ['confirm', 'notify', 'acknowledge', 'patch', 'fix-released'] as const) {
    assert.ok((await world.disclosure.take(step, id, by)).ok);
  }
  return id;
}

const sign = (id: string, pair = signers) => publishing.release(id, { signers: pair, onePerson: true });
const publicFiles = () =>
  globSync('**/*', { cwd: join(world.home, 'public'), withFileTypes: true }).filter((file) => file.isFile());
const readPublic = (path: string) => readFile(join(world.home, 'public', path), 'utf8');

async function statements(): Promise<Statement[]> {
  const found: Statement[] = [];
  const key = formatVerifierKey(world.log.logKey);
  const report = await verifyLog(world.log.directory, { key }, (_index, body) => {
    const read = readEntry(body);
    if (read.ok) found.push(read.value.statement);
  });
  assert.ok(report.ok, JSON.stringify(report));
  return found;
}

test('a released case becomes four valid documents, a feed and a proof, and its commitment is opened', async () => {
  const id = await fixed();
  const released = await sign(id);
  assert.ok(released.ok);
  const published = await publishing.publish(released.value);
  assert.ok(published.ok, JSON.stringify(published));
  const name = published.value.advisory.toLowerCase();
  assert.deepEqual(validateText('csaf', await readPublic(`advisories/csaf/${name}.json`)).errors, []);
  assert.deepEqual(validateText('osv', await readPublic(`advisories/osv/${name}.json`)).errors, []);
  assert.deepEqual(validateText('cve', await readPublic(`advisories/cve/${name}.json`)).errors, []);
  assert.match(await readPublic(`advisories/markdown/${name}.md`), /DEMONSTRATION[\s\S]*two keys, held by one person/);
  assert.deepEqual(
    checkSchema('csaf-2.0-provider', JSON.parse(await readPublic('.well-known/csaf/provider-metadata.json'))),
    [],
  );
  assert.match(await readPublic('.well-known/security.txt'), /^Contact: mailto:.+\nExpires: /);
  const feed = JSON.parse(await readPublic('feed.json'));
  assert.equal(feed.items[0]._headstart.released_by, 'one person');
  assert.match(feed.items[0].title, /^\[DEMONSTRATION\]/);

  const said = await statements();
  const commitment = (await world.disclosure.find(id))?.commitment;
  assert.equal(said.filter((each) => each.type === 'opening' && each.commitment === commitment?.id).length, 1);
  const advisory = said.find((each) => each.type === 'advisory' && each.subject === published.value.advisory);
  assert.ok(advisory?.type === 'advisory');
  assert.equal(advisory.facts.releasedBy, 'one person');
  for (const { name: path, sha256 } of advisory.documents) assert.equal(sha256Hex(await readPublic(path)), sha256);
  assert.ok(commitment?.endedAt);
  assert.equal((await world.disclosure.find(id))?.case.stage, 'disclosed');
});

test('publishing again changes nothing: no file, no entry, no second opening', async () => {
  const released = await sign(await fixed());
  assert.ok(released.ok);
  assert.ok((await publishing.publish(released.value)).ok);
  const [files, said] = [publicFiles().length, (await statements()).length];
  assert.ok((await publishing.publish(released.value)).ok);
  assert.deepEqual([publicFiles().length, (await statements()).length], [files, said]);
});

test('released again when the details may be told, the advisory is its next revision and stands once in the feed', async () => {
  const id = await fixed();
  const first = await sign(id);
  assert.ok(first.ok);
  const published = await publishing.publish(first.value);
  assert.ok(published.ok);
  const path = `advisories/csaf/${published.value.advisory.toLowerCase()}.json`;
  assert.ok(!(await readPublic(path)).includes(FINDING.entry));
  world.clock.passDays(45);
  const second = await sign(id);
  assert.ok(second.ok && (await publishing.publish(second.value)).ok);
  const { document } = JSON.parse(await readPublic(path));
  assert.equal(document.tracking.version, '2');
  assert.deepEqual(validateText('csaf', await readPublic(path)).errors, []);
  assert.ok((await readPublic(path)).includes(FINDING.entry));
  const { items } = JSON.parse(await readPublic('feed.json'));
  assert.equal(items.filter((item: { id: string }) => item.id === published.value.advisory).length, 1);
});

test('a case under embargo cannot even be signed', async () => {
  const id = await world.open();
  assert.deepEqual(await sign(id), { ok: false, refusal: { kind: 'under-embargo' } });
  assert.ok((await world.disclosure.take('confirm', id, by)).ok);
  assert.ok((await world.disclosure.take('notify', id, by)).ok);
  assert.deepEqual(await sign(id), { ok: false, refusal: { kind: 'under-embargo' } });
});

test('one signer, or one signer twice, releases nothing', async () => {
  const [only] = signers;
  const id = await fixed();
  const released = await sign(id, [only, only]);
  assert.ok(released.ok);
  assert.deepEqual(await publishing.publish(released.value), {
    ok: false,
    refusal: { kind: 'too-few-signatures', valid: 1 },
  });
  assert.equal((await world.disclosure.find(id))?.case.stage, 'fix-released');
  const repaired = await sign(id);
  assert.ok(repaired.ok && (await publishing.publish(repaired.value)).ok, 'signed anew by two, it is released');
});

test('the keys of demonstrations release no real case', async () => {
  const real = world.disclosureUnder('real');
  const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
  const opened = await world.database.transaction((tx) => real.openCase(tx, fresh));
  assert.ok(opened.ok);
  for (const step of ['confirm', 'notify', 'fix-released'] as const) {
    assert.ok((await real.take(step, opened.value, by)).ok);
  }
  const forReal = createPublishing({ ...world, disclosure: real, publisher: PUBLISHER });
  const released = await forReal.release(opened.value, { signers, onePerson: true });
  assert.ok(released.ok);
  assert.deepEqual(await forReal.publish(released.value), {
    ok: false,
    refusal: { kind: 'too-few-signatures', valid: 0 },
  });
});

test('documents changed after signing are not published, and the release is condemned', async () => {
  const id = await fixed();
  const released = await sign(id);
  assert.ok(released.ok);
  const keyId = (await world.disclosure.find(id))?.keyId ?? '';
  const forged = await world.vault.sealJson(
    world.database,
    keyId,
    [['advisories/osv/x.json', '{}']],
    `documents ${released.value}`,
  );
  await world.database.query('update publish.releases set documents = $2 where id = $1', [released.value, forged]);
  const outcome = await publishing.publish(released.value);
  assert.equal(outcome.ok ? undefined : outcome.refusal.kind, 'wrong-bytes');
  assert.equal((await publishing.publish(released.value)).ok, false);
});

test('killed at any moment, the next run completes the release once', async () => {
  for (const table of ['disclosure.case_events', 'disclosure.commitments', 'publish.releases', 'tlog.entries']) {
    const id = await fixed();
    const released = await sign(id);
    assert.ok(released.ok);
    // The write that fails stands for the kill: what was not committed is gone, what was is kept.
    await world.database.query(
      `create or replace function fail_now() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`,
    );
    await world.database.query(
      `create trigger fail_now before insert or update on ${table} execute function fail_now()`,
    );
    await assert.rejects(publishing.publish(released.value), /killed/);
    await world.database.query(`drop trigger fail_now on ${table}`);
    assert.deepEqual(await publishing.unfinished(), [released.value]);
    assert.ok((await publishing.publish(released.value)).ok);
    const commitment = (await world.disclosure.find(id))?.commitment.id;
    const said = await statements();
    assert.equal(said.filter((each) => each.type === 'opening' && each.commitment === commitment).length, 1);
  }
});

test('killed between the files and the log, the next run completes the release once', async () => {
  const id = await fixed();
  const released = await sign(id);
  assert.ok(released.ok);
  await world.database.query(
    `create or replace function fail_now() returns trigger language plpgsql as $$ begin
       if new.type in ('opening', 'advisory') then raise exception 'killed'; end if; return new; end $$`,
  );
  await world.database.query(
    'create trigger fail_now before insert on tlog.entries for each row execute function fail_now()',
  );
  await assert.rejects(publishing.publish(released.value), /killed/);
  await world.database.query('drop trigger fail_now on tlog.entries');
  const advisories = () => publicFiles().filter(({ parentPath }) => parentPath.includes('advisories')).length;
  const before = advisories();
  assert.ok((await publishing.publish(released.value)).ok);
  assert.equal(advisories(), before);
  const commitment = (await world.disclosure.find(id))?.commitment.id;
  const openings = (await statements()).filter((each) => each.type === 'opening' && each.commitment === commitment);
  assert.equal(openings.length, 1);
});

test('of 300 sealed cases with markers, one released, no marker of the others lies below public/', async () => {
  const marker = (index: number) => `marker${String(index).padStart(4, '0')}q`;
  const finding = (index: number) => ({
    ...FINDING,
    target: `pkg:npm/${marker(index)}@1.2.2`,
    entry: marker(index),
    oracle: marker(index),
    reproducer: { ...FINDING.reproducer, text: marker(index) },
  });
  for (let index = 1; index <= 300; index += 1) await world.open({ finding: finding(index) });
  const released = await sign(await fixed(finding(0)));
  assert.ok(released.ok && (await publishing.publish(released.value)).ok);
  await publishing.writeStanding();
  const seen = new Set<string>();
  for (const file of publicFiles()) {
    const text = readFileSync(join(file.parentPath, file.name)).toString('latin1');
    for (const [found] of `${text}${file.name}`.matchAll(/marker\d{4}q/g)) seen.add(found);
    // Log entries hold their payload in base64.
    for (const [blob] of text.matchAll(/[A-Za-z0-9+/]{40,}={0,2}/g)) {
      for (const [found] of Buffer.from(blob, 'base64')
        .toString('latin1')
        .matchAll(/marker\d{4}q/g))
        seen.add(found);
    }
  }
  assert.deepEqual([...seen], [marker(0)]);
  const published = readFileSync(join(world.home, 'public', 'feed.json'), 'utf8');
  assert.ok(published.includes(marker(0)));
});

test('below public/ lies nothing but the log, the advisories and the standing files', () => {
  const allowed =
    /^(log\/|log\.pub$|witness-policy$|feed\.json$|\.well-known\/|advisories\/(csaf|osv|cve|markdown|proofs)\/)/;
  const root = join(world.home, 'public');
  const strange = publicFiles()
    .map((file) => join(file.parentPath, file.name).slice(root.length + 1))
    .filter((path) => !allowed.test(path));
  assert.deepEqual(strange, []);
});

test('a link below public/ is not followed', async () => {
  const other = await createWorld();
  try {
    const pair = await openReleaseSigners({ ...other, scryptN: TEST_SCRYPT }, 'demonstration', PASSPHRASES);
    assert.ok(pair.ok);
    const outside = join(other.home, 'outside');
    await mkdir(outside);
    await mkdir(join(other.home, 'public'), { recursive: true });
    await symlink(outside, join(other.home, 'public', 'advisories'));
    const id = await other.open();
    for (const step of ['confirm', 'notify', 'fix-released'] as const) {
      assert.ok((await other.disclosure.take(step, id, by)).ok);
    }
    const released = await publishingOf(other).release(id, { signers: pair.value, onePerson: true });
    assert.ok(released.ok);
    await assert.rejects(publishingOf(other).publish(released.value), /is a link/);
    assert.deepEqual(globSync('**/*', { cwd: outside }), []);
    await rm(join(other.home, 'public', 'advisories'));
    assert.ok((await publishingOf(other).publish(released.value)).ok);
  } finally {
    await other.close();
  }
});
