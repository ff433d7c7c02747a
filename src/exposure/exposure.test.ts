import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, FINDING, newCase, type World } from '../../test/support/disclosure.ts';
import type { Carrier } from '../contact/channel.ts';
import type { MailLetter } from '../contact/letter.ts';
import { type Coordination, createCoordination } from '../coordination/index.ts';
import { createDisclosure, type Disclosure, type PolicyName } from '../disclosure/index.ts';
import { createPartners, findCaseDependents } from '../exposed-cases.ts';
import { createPartyLetters } from '../party-letters.ts';
import { createReadiness } from '../readiness/index.ts';
import { type Exposure, REDECIDE_JOB } from './exposure.ts';
import type { Notices } from './notice-service.ts';

const BY = { actor: 'test' };
const [BANK, TOYS] = ['org_bank', 'org_toys'] as const;
const mails: MailLetter[] = [];
const smtp: Carrier<MailLetter> = {
  settleMs: 0,
  send: async (_it, letter) => {
    mails.push(letter);
    return { kind: 'delivered', remote: null };
  },
  readBack: async () => ({ kind: 'absent' }),
};

let world: World;
let disclosure: Disclosure;
let coordination: Coordination;
let exposure: Exposure;
let notices: Notices;

before(async () => {
  world = await createWorld({ smtp });
  const instants = { read: async () => ({ at: world.clock.now(), heldSince: null, freedAt: null }) };
  disclosure = createDisclosure({ ...world, time: 'real', instants });
  coordination = createCoordination({ ...world, disclosure, disclosureFor: () => disclosure });
  const readiness = createReadiness({ ...world, instants, disclosure: () => disclosure });
  const linkFor = async () => undefined;
  const more = {
    coordination,
    disclosure,
    disclosureFor: () => disclosure,
    readiness,
    linkFor,
    coordinator: undefined,
  };
  const { invitations } = createPartyLetters({ ...world, ...more });
  ({ exposure, notices } = createPartners({ ...world, disclosure, invitations, instants }));
});
after(() => world.close());

/** Each case is of a package of its own, so that the tests do not meet. */
let packages = 0;
async function openCase(
  policy: PolicyName = 'anthropic-2026',
  steps: readonly ('confirm' | 'notify')[] = ['confirm', 'notify'],
) {
  packages += 1;
  const name = `marker-package-${packages}`;
  const finding = { ...FINDING, target: `pkg:npm/${name}@1.2.2` };
  const vendor = { name: 'them', address: null, simulated: false };
  const opened = await world.database.transaction((tx) =>
    disclosure.openCase(tx, newCase({ knownAs: [], vendor, finding, policy })),
  );
  assert.ok(opened.ok);
  for (const step of steps) assert.ok((await disclosure.take(step, opened.value, BY)).ok);
  return { id: opened.value, name };
}

/** Product → middle → the package, and where `direct` the product itself too. */
function bom(product: string, component: string, direct = false): Buffer {
  return Buffer.from(
    JSON.stringify({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { component: { 'bom-ref': 'app', name: product, version: '7.1' } },
      components: [
        { 'bom-ref': 'middle', name: 'middle', purl: 'pkg:npm/marker-middle@3.0.0' },
        { 'bom-ref': 'leaf', name: 'leaf', purl: component },
        { 'bom-ref': 'own', name: 'own code' },
      ],
      dependencies: [
        { ref: 'app', dependsOn: direct ? ['middle', 'leaf'] : ['middle'] },
        { ref: 'middle', dependsOn: ['leaf'] },
      ],
    }),
  );
}

async function give(organisation: string, product: string, component: string, direct = false) {
  const imported = await exposure.importBom(organisation, bom(product, component, direct));
  assert.ok(imported.ok);
  return imported.value;
}
const contactOf = (organisation: string) => ({
  name: `Team of ${organisation}`,
  address: `${organisation}@partner.example`,
  zone: 'UTC',
});
const letterTo = (organisation: string): string =>
  mails.findLast(({ to }) => to === `${organisation}@partner.example`)?.raw.replaceAll('=\r\n', '') ?? '';
async function sendAll(): Promise<void> {
  for (const { id } of await world.outbox.list(['pending'])) await world.outbox.send(id);
}

test('the blast radius names partner, product, version and the shortest way to it', async () => {
  const { id, name } = await openCase();
  await give(BANK, 'radius one', `pkg:npm/${name}@1.0.0`);
  await give(BANK, 'radius two', `pkg:npm/${name}@1.2.2`, true);
  await give(TOYS, 'radius three', `pkg:npm/${name}@1.2.3`);
  await give(TOYS, 'radius four', `pkg:npm/${name}`);
  const shown = await exposure.show(id);
  const lines = shown?.flatMap(({ organisationId, products }) =>
    products.flatMap(({ product, hits }) =>
      hits.map(({ affected, path }) => `${organisationId} ${product}: ${affected} by ${path?.length ?? 0}`),
    ),
  );
  assert.deepEqual(lines?.sort(), [
    `${BANK} radius one: yes by 2`,
    `${BANK} radius two: yes by 1`,
    `${TOYS} radius four: unknown by 2`,
    `${TOYS} radius three: no by 2`,
  ]);
  assert.deepEqual(shown?.[0]?.products[0]?.hits[0]?.path, ['pkg:npm/marker-middle@3.0.0', `pkg:npm/${name}@1.0.0`]);
  assert.equal(await exposure.countPartners(id), 2);
  assert.equal(await exposure.show('case_nobody'), undefined);
});

test('what a patch could break is told by how many partners have it; what one alone has is asked of no registry', async () => {
  const { id, name } = await openCase();
  await give(BANK, 'dependents one', `pkg:npm/${name}@1.0.0`);
  assert.deepEqual(await exposure.dependents(id), [{ purl: 'pkg:npm/marker-middle@3.0.0', partners: 1 }]);
  const parts = { disclosure, exposure };
  assert.deepEqual((await findCaseDependents(parts, id))?.dependents, []);
  await give(BANK, 'dependents two', `pkg:npm/${name}@1.1.0`);
  await give(TOYS, 'dependents three', `pkg:npm/${name}@1.1.0`);
  assert.deepEqual(await exposure.dependents(id), [{ purl: 'pkg:npm/marker-middle@3.0.0', partners: 2 }]);
  assert.deepEqual(await findCaseDependents(parts, id), {
    target: `pkg:npm/${name}@1.2.2`,
    patch: null,
    dependents: ['pkg:npm/marker-middle@3.0.0'],
  });
  assert.equal(await findCaseDependents(parts, 'case_nobody'), undefined);
});

test('the same file again changes nothing; a new one of the product replaces it, and the exposure is decided anew', async () => {
  const { id, name } = await openCase();
  const first = await give(BANK, 'renewed', `pkg:npm/${name}@1.0.0`);
  assert.deepEqual([first.received, first.named, first.unnamed, first.isKnown], [3, 2, 1, false]);
  await exposure.redecide();
  assert.equal(await exposure.countPartners(id), 1);
  const tables = async () =>
    JSON.stringify((await world.database.query('select id, superseded_at from exposure.boms order by position')).rows);
  const before = await tables();
  assert.equal((await give(BANK, 'renewed', `pkg:npm/${name}@1.0.0`)).isKnown, true);
  assert.equal(await tables(), before);
  await world.database.query('truncate graphile_worker._private_jobs cascade');
  assert.equal((await give(BANK, 'renewed', `pkg:npm/${name}@1.2.3`)).replaced, true);
  const { rows } = await world.database.query('select from graphile_worker.jobs where task_identifier = $1', [
    REDECIDE_JOB,
  ]);
  assert.equal(rows.length, 1);
  await exposure.redecide();
  assert.equal(await exposure.countPartners(id), 0);
  const { rows: kept } = await world.database.query<{ number: number }>(
    'select number from exposure.decisions where case_id = $1 order by number',
    [id],
  );
  assert.deepEqual(
    kept.map(({ number }) => number),
    [1, 2],
    'what was decided before stays',
  );
  await exposure.redecide();
  assert.equal(await exposure.countPartners(id), 0);
});

test('what partners deliver lies encrypted: no name of a product, component or contact stands in the tables', async () => {
  const { name } = await openCase();
  await give(BANK, 'marker-product', `pkg:npm/${name}@1.0.0`);
  assert.ok((await notices.setContact(BANK, contactOf(BANK))).ok);
  for (const table of ['partners', 'boms', 'packages', 'decisions', 'notices']) {
    const { rows } = await world.database.query<{ text: string }>(`select t::text as text from exposure.${table} t`);
    const text = rows.map((row) => row.text).join('\n');
    for (const marker of ['marker', 'partner.example', 'npm']) {
      assert.ok(!text.includes(marker) && !text.includes(Buffer.from(marker).toString('hex')), `${table}: ${marker}`);
    }
  }
});

test('who is hit becomes a party by one letter: bound and told of the flaw by an agreement, else invited', async () => {
  const { id, name } = await openCase();
  await give(BANK, 'noticed', `pkg:npm/${name}@1.0.0`);
  await give(TOYS, 'noticed too', `pkg:npm/${name}@1.1.0`, true);
  await give('org_safe', 'not hit', `pkg:npm/${name}@1.2.3`);
  await give('org_mute', 'without address', `pkg:npm/${name}@1.0.0`);
  for (const each of [BANK, TOYS, 'org_safe']) assert.ok((await notices.setContact(each, contactOf(each))).ok);
  await notices.setAgreement(BANK, 'a person');
  const dry = await notices.tell(id, { ...BY, dryRun: true });
  assert.ok(dry.ok);
  assert.equal((await coordination.find(id))?.it.participants.size, 2, 'a dry run tells nobody');

  const told = await notices.tell(id, BY);
  assert.ok(told.ok);
  assert.deepEqual(
    told.value.map(({ organisationId, outcome, isBound }) => `${organisationId} ${outcome} ${isBound}`).sort(),
    [`${BANK} told true`, 'org_mute no-contact false', `${TOYS} told false`],
  );
  await sendAll();
  assert.match(letterTo(BANK), new RegExp(`Prototype pollution[\\s\\S]*- noticed 7\\.1: pkg:npm/${name}@1\\.0\\.0`));
  assert.match(letterTo(TOYS), /kept private until/);
  for (const word of [name, 'pollution', 'noticed too', '1.1.0']) assert.ok(!letterTo(TOYS).includes(word), word);
  assert.equal(letterTo('org_safe'), '');

  const again = await notices.tell(id, BY);
  assert.ok(again.ok && again.value.every(({ outcome }) => outcome !== 'told'));
  assert.equal(mails.filter(({ to }) => to === `${BANK}@partner.example`).length, 1);
  const shared = await coordination.find(id);
  const known = (organisation: string) => {
    const party = [...(shared?.it.participants.values() ?? [])].find((each) => each.name.endsWith(organisation));
    return shared?.it.knows
      .filter(({ who }) => who === party?.id)
      .map(({ what }) => what)
      .sort();
  };
  assert.deepEqual(known(BANK), ['deadline', 'existence', 'flaw']);
  assert.deepEqual(known(TOYS), ['deadline', 'existence']);
});

test('of two that tell at once each partner is told once', async () => {
  const { id, name } = await openCase();
  await give(BANK, 'raced', `pkg:npm/${name}@1.0.0`);
  assert.ok((await notices.setContact(BANK, contactOf(BANK))).ok);
  const both = await Promise.all([notices.tell(id, BY), notices.tell(id, BY)]);
  const outcomes = both.flatMap((each) => (each.ok ? each.value.map(({ outcome }) => outcome) : []));
  assert.deepEqual(outcomes.sort(), ['told', 'told-before']);
});

test('nobody is told before the maintainers, of a demonstration, after the end, or against the policy', async () => {
  const refusalOf = async (id: string, agreedWith?: string) => {
    const told = await notices.tell(id, { ...BY, agreedWith });
    return told.ok ? 'told' : told.refusal.kind;
  };
  assert.equal(await refusalOf((await openCase('anthropic-2026', ['confirm'])).id), 'maintainers-first');
  assert.equal(await refusalOf(await world.open()), 'demonstration');
  const over = await openCase();
  assert.ok((await disclosure.take('withdraw', over.id, BY)).ok);
  assert.equal(await refusalOf(over.id), 'over');
  const kernel = await openCase('linux-kernel');
  assert.equal(await refusalOf(kernel.id), 'fix-first');
  assert.ok((await disclosure.take('patch', kernel.id, BY)).ok);
  assert.equal(await refusalOf(kernel.id), 'told');
  const closed = await openCase('project-zero-2025');
  assert.equal(await refusalOf(closed.id), 'needs-agreement');
  assert.equal(await refusalOf(closed.id, 'the maintainers wrote that distributions may be told'), 'told');
  assert.equal(await refusalOf('case_nobody'), 'no-such-case');
});
