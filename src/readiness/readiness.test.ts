import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, FINDING, newCase, type World } from '../../test/support/disclosure.ts';
import { WORKSHOP } from '../../test/support/workshop.ts';
import { createDisclosure, type Disclosure } from '../disclosure/index.ts';
import { createReadiness, type Readiness, type Workshop } from './readiness.ts';
import { missingOf } from './report-gate.ts';
import { type FollowedReport, followReport, formOf } from './report-text.ts';

let world: World;
let disclosure: Disclosure;
let readiness: Readiness;
const by = { actor: 'test' };
const WORD = { by: 'a person', note: 'read', scopeRead: false, withoutPatch: null };

before(async () => {
  world = await createWorld();
  const instants = { read: async () => ({ at: world.clock.now(), heldSince: null, freedAt: null }) };
  readiness = createReadiness({ ...world, instants, disclosure: () => disclosure });
  disclosure = createDisclosure({ ...world, time: 'real', instants, lacks: readiness.missingIn });
});
after(() => world.close());

async function open(changes: Parameters<typeof newCase>[0] = {}): Promise<string> {
  const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false }, ...changes });
  const opened = await world.database.transaction((tx) => disclosure.openCase(tx, fresh));
  assert.ok(opened.ok);
  assert.ok((await disclosure.take('confirm', opened.value, by)).ok);
  return opened.value;
}

const check = async (id: string, workshop: Partial<Workshop> = {}): Promise<readonly string[]> => {
  const outcome = await readiness.check(id, { ...WORKSHOP, ...workshop });
  assert.ok(outcome.ok);
  return outcome.value;
};
const notify = async (id: string): Promise<readonly string[] | 'sent'> => {
  const taken = await disclosure.take('notify', id, by);
  if (taken.ok) return 'sent';
  assert.ok(taken.refusal.kind === 'report-not-ready', taken.refusal.kind);
  return taken.refusal.missing;
};
const names = (missing: readonly string[] | 'sent'): readonly string[] | 'sent' =>
  missing === 'sent' ? missing : missing.map((each) => each.split(':')[0] ?? '');

test('a real report is refused with the list of what is missing, and sent when nothing is', async () => {
  const id = await open();
  assert.deepEqual(names(await notify(id)), ['reproduced', 'patch', 'sign-off']);
  assert.deepEqual(names(await check(id)), ['patch', 'sign-off']);
  await disclosure.learn(id, { patch: '--- a\n+++ b\n' });
  assert.deepEqual(names(await notify(id)), ['reproduced', 'sign-off'], 'with the patch it is another report');
  await check(id);
  assert.ok((await readiness.signOff(id, WORD)).ok);
  assert.equal(await notify(id), 'sent');
});

test('a demonstration, which is sent to nobody, asks for nothing', async () => {
  const id = await world.open();
  assert.ok((await world.disclosure.take('confirm', id, by)).ok);
  assert.ok((await world.disclosure.take('notify', id, by)).ok);
});

test('what is run is taken from the text of the report alone', async () => {
  const followed: FollowedReport[] = [];
  await check(await open(), {
    follow: async (report) => {
      followed.push(report);
      return { ok: true, value: { reproduced: 3, of: 3 } };
    },
  });
  assert.deepEqual(followed, [{ target: FINDING.target, flaw: FINDING.flaw, reproducer: FINDING.reproducer }]);
});

for (const [name, workshop, expected] of [
  [
    'fires in two of three',
    { follow: async () => ({ ok: true, value: { reproduced: 2, of: 3 } }) },
    /^reproduced: 2 of 3/,
  ],
  ['ran once', { follow: async () => ({ ok: true, value: { reproduced: 1, of: 1 } }) }, /^reproduced: 1 of 1/],
  [
    'cannot be followed',
    { follow: async () => ({ ok: false, refusal: 'no such version' }) },
    /cannot be followed: no such version/,
  ],
  [
    'is fixed at the newest release',
    { newestVersion: async () => '1.2.9', tryVersion: async () => 'silent' },
    /1\.2\.9 is silent/,
  ],
  ['could not be run there', { tryVersion: async () => 'not-comparable' }, /could not be run on the newest release/],
  ['is fixed in the repository', { tryHead: async () => 'silent' }, /HEAD of its repository is silent/],
  ['has no newest release', { newestVersion: async () => undefined }, /newest release could not be found/],
] satisfies readonly (readonly [string, Partial<Workshop>, RegExp])[]) {
  test(`a report that ${name} is not sent`, async () => {
    const id = await open();
    await check(id, workshop);
    assert.ok((await readiness.signOff(id, { ...WORD, withoutPatch: 'none found' })).ok);
    const missing = await notify(id);
    assert.ok(missing !== 'sent' && missing.length === 1, String(missing));
    assert.match(missing[0] ?? '', expected);
  });
}

test('the project’s own scope file is read by a person, where there is one', async () => {
  const id = await open();
  await check(id, { scopeFile: async () => '# Security' });
  assert.ok((await readiness.signOff(id, { ...WORD, withoutPatch: 'none found' })).ok);
  assert.deepEqual(names(await notify(id)), ['scope']);
  assert.ok((await readiness.signOff(id, { ...WORD, withoutPatch: 'none found', scopeRead: true })).ok);
  assert.equal(await notify(id), 'sent');
});

test('a sign-off is for one text: what is learnt afterwards is signed anew', async () => {
  const id = await open();
  await check(id);
  assert.ok((await readiness.signOff(id, { ...WORD, withoutPatch: 'none found' })).ok);
  await disclosure.learn(id, { affected: null });
  await check(id);
  assert.match(String(await notify(id)), /sign-off: the report changed since a person signed it off/);
});

test('a look at the newest release is believed for a day', async () => {
  const id = await open();
  await check(id);
  assert.ok((await readiness.signOff(id, { ...WORD, withoutPatch: 'none found' })).ok);
  world.clock.passDays(1.1);
  assert.deepEqual(names(await notify(id)), ['not already fixed']);
});

test('words of machine and person lie encrypted and are only ever added to', async () => {
  const id = await open();
  await check(id);
  await readiness.signOff(id, { ...WORD, note: 'note-of-the-person' });
  const { rows } = await world.database.query<{ text: string }>(
    `select string_agg(encode(sealed, 'escape') || digest, '') as text from readiness.words`,
  );
  assert.doesNotMatch(rows[0]?.text ?? '', /note-of-the-person|1\.2\.2/);
  await assert.rejects(world.database.query('delete from readiness.words'), /only ever added/);
});

async function reportOf(changes: Parameters<typeof newCase>[0] = {}): Promise<string> {
  const opened = await disclosure.find(await open(changes));
  assert.ok(opened);
  return (await disclosure.report(opened)).text;
}

test('a report that is too long, speaks of two flaws, or hides characters lacks its form', async () => {
  const text = await reportOf();
  const sound = formOf(text);
  const facts = {
    digest: 'd',
    hasPatch: true,
    machine: {
      ...{ digest: 'd', at: new Date(0), trouble: null, reproduced: 3, of: 3, scopeFile: null },
      newest: { version: '1', outcome: 'fires' as const },
    },
    signOff: { ...WORD, digest: 'd', at: new Date(0) },
    needsPerson: true,
    now: new Date(0),
  };
  assert.deepEqual(missingOf({ ...facts, form: sound }), []);
  for (const [changed, expected] of [
    [text.replace('\n\n', `\n${'one more line\n'.repeat(60)}\n`), /^one page: \d+ lines/],
    [text.replace('Seen: ', `Seen: ${'x'.repeat(200)}`), /^one page: a line of/],
    [text.replace('\n\n', '\nAlso Path traversal (CWE-22) in it\n\n'), /^one finding: the report describes 2/],
    [text.replace('Seen: ', 'Seen:\u202e '), /^plain text/],
    [text.replace('an automated search', 'our team'), /^origin/],
  ] as const) {
    const missing = missingOf({ ...facts, form: formOf(changed) });
    assert.equal(missing.length, 1, missing.join('; '));
    assert.match(missing[0] ?? '', expected);
  }
});

test('a report whose reproducer was changed, cut or left out cannot be followed', async () => {
  const text = await reportOf();
  assert.ok(followReport(text).ok);
  for (const broken of [
    text.replace('marker-of', 'maker-of'),
    text.replace(/---- end of[^\n]*/, ''),
    text.replace(/SHA-256\s+[0-9a-f]{64}/, ''),
    text.replace(/npm install.*/, 'npm install something'),
    text.replace('  node reproduce.cjs', '  node ../../x.cjs'),
    text.replace('(CWE-1321)', '(CWE-9999)'),
  ]) {
    assert.equal(followReport(broken).ok, false, broken);
  }
});
