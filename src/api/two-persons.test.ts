/** Where one person is not enough: stops, weighty roles, links, approvals, vetting. One human with two engagements is one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Api, createStaffedApi, done, saidOf, type Visitor } from '../../test/support/api.ts';
import { createNoticeStore } from '../program/index.ts';
import { CHECKLIST } from '../vetting/index.ts';

let api: Api;
let lab: string;
let acme: string;
let other: string;
let admin: Visitor;
let lead: Visitor;
let member: Visitor;
let stranger: Visitor;

before(async () => {
  ({ api, lab, acme, other, admin, lead, member, stranger } = await createStaffedApi());
});
after(() => api.close());

test('a wide stop stands when another person confirms it, and what two set, two lift', async () => {
  const stop = { model: 'm1', reason: 'a drill' };
  const counted = await done(admin.ask('POST', '/stops/dry-run', { model: 'm1' }));
  assert.equal(counted.isWide, true);
  const set = await done(lead.ask('POST', '/stops', stop));
  const { id, expiresAt } = set.stop;
  assert.ok(expiresAt, 'it lapses unless somebody confirms it');
  assert.deepEqual(saidOf(await lead.ask('POST', `/stops/${id}/confirm`, {})), [403, 'second-person-needed']);
  const self = await api.visitor(other, ['safeguards-lead'], { email: await emailOf(lead) });
  assert.deepEqual(
    saidOf(await self.ask('POST', `/stops/${id}/confirm`, {})),
    [403, 'second-person-needed'],
    'one human twice',
  );
  assert.deepEqual(saidOf(await admin.ask('POST', `/stops/${id}/confirm`, {})), [403, 'not-your-role']);
  const second = await api.visitor(lab, ['safeguards-lead']);
  const confirmed = await done(second.ask('POST', `/stops/${id}/confirm`, {}));
  assert.deepEqual([confirmed.confirmedBy, confirmed.expiresAt], [second.person, null]);

  const restoring = await done(lead.ask('POST', `/stops/${id}/restore`, { subjects: [acme] }));
  assert.equal(restoring.isDone, false);
  assert.deepEqual(saidOf(await lead.ask('POST', `/proposals/${restoring.proposal.id}/agree`)), [403, 'same-person']);
  assert.deepEqual(saidOf(await self.ask('POST', `/proposals/${restoring.proposal.id}/agree`)), [403, 'same-person']);
  assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${restoring.proposal.id}/agree`)), [
    403,
    'not-your-role',
  ]);
  await done(second.ask('POST', `/proposals/${restoring.proposal.id}/agree`));
  assert.deepEqual((await done(admin.ask('GET', `/stops/${id}`))).restored, [acme]);

  const lifting = await done(lead.ask('POST', `/stops/${id}/lift`));
  assert.deepEqual([lifting.isDone, lifting.stop.liftedAt], [false, null]);
  assert.equal(
    (await done(second.ask('POST', `/proposals/${lifting.proposal.id}/agree`))).proposal.decided.outcome,
    'done',
  );
  assert.ok((await done(admin.ask('GET', `/stops/${id}`))).liftedAt);
  assert.deepEqual(saidOf(await second.ask('POST', `/proposals/${lifting.proposal.id}/agree`)), [409, 'proposal-over']);
});

async function emailOf({ person }: Visitor): Promise<string> {
  const found = await api.membership.findPerson(person);
  return found.ok ? found.value.email.toUpperCase() : '';
}

test('what one person set, one person lifts; a stop names what is there', async () => {
  const { stop } = await done(admin.ask('POST', '/stops', { person: member.person, reason: 'lost a laptop' }));
  assert.equal((await done(admin.ask('POST', `/stops/${stop.id}/lift`))).isDone, true);
  assert.deepEqual(saidOf(await admin.ask('POST', `/stops/${stop.id}/lift`)), [409, 'lifted']);
  assert.deepEqual(saidOf(await admin.ask('POST', '/stops', { model: 'm9', reason: 'x' })), [404, 'not-found']);
  assert.deepEqual(saidOf(await admin.ask('POST', '/stops', { reason: 'x' })), [422, 'no-attribute']);
  assert.deepEqual(saidOf(await admin.ask('POST', '/stops', { country: 'KR', reason: 'x' })), [422, 'no-legal-order']);
});

test('a weighty role, a link for who has one, and an approval without vetting take a second administrator', async () => {
  const second = await api.visitor(lab, ['admin']);
  const puppet = await api.visitor(lab, []);
  const given = await done(admin.ask('PUT', `/persons/${puppet.person}/roles/safeguards-lead`));
  assert.equal(given.isGiven, false);
  assert.deepEqual((await done(admin.ask('GET', `/persons/${puppet.person}/roles`))).items, []);
  assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${given.proposal.id}/agree`)), [403, 'same-person']);
  await done(second.ask('POST', `/proposals/${given.proposal.id}/agree`));
  assert.deepEqual((await done(admin.ask('GET', `/persons/${puppet.person}/roles`))).items, ['safeguards-lead']);
  assert.equal((await done(admin.ask('PUT', `/persons/${puppet.person}/roles/member`))).isGiven, true);

  const asked = await done(admin.ask('POST', `/persons/${lead.person}/invitation`));
  assert.equal(asked.link, null);
  const agreed = await done(second.ask('POST', `/proposals/${asked.proposal.id}/agree`));
  assert.match(agreed.result, /\/join\//);

  const { id } = await done(admin.ask('POST', '/organisations', { name: 'Fresh' }));
  const proposed = await done(admin.ask('POST', `/organisations/${id}/approve`, { tier: 'limited' }));
  assert.equal((await done(admin.ask('GET', `/organisations/${id}`))).standing, 'applicant');
  await done(second.ask('POST', `/proposals/${proposed.id}/agree`));
  assert.deepEqual((await done(admin.ask('GET', `/organisations/${id}`))).tier, 'limited');
  const let_ = await done(admin.ask('POST', `/organisations/${id}/approve`, { tier: 'internal' }));
  await done(admin.ask('POST', `/proposals/${let_.id}/withdraw`));
  assert.deepEqual(saidOf(await second.ask('POST', `/proposals/${let_.id}/agree`)), [409, 'proposal-over']);
});

test('where a model is and what it costs is not for one administrator to change: nothing happens before another agrees', async () => {
  const second = await api.visitor(lab, ['admin']);
  const self = await api.visitor(other, ['admin'], { email: await emailOf(admin) });
  const prices = { input: 1, output: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1 };
  const model = { protocol: 'anthropic', url: 'http://127.0.0.1:9/elsewhere', apiKeyEnv: 'ANY', prices };
  const before = await done(lead.ask('GET', '/models/m1'));
  const asked = await done(admin.ask('PUT', '/models/m1', model));
  const added = await done(admin.ask('POST', '/models', { ...model, id: 'm2' }));
  for (const { id } of [asked, added]) {
    assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${id}/agree`)), [403, 'same-person']);
    assert.deepEqual(saidOf(await self.ask('POST', `/proposals/${id}/agree`)), [403, 'same-person'], 'one human twice');
  }
  assert.deepEqual(await done(lead.ask('GET', '/models/m1')), before);
  assert.deepEqual(saidOf(await lead.ask('GET', '/models/m2')), [404, 'not-found']);
  await done(second.ask('POST', `/proposals/${asked.id}/agree`));
  assert.equal((await done(lead.ask('GET', '/models/m1'))).url, model.url);
  const { items } = await done(lead.ask('GET', '/history/m1'));
  const { event, actor, note } = items.at(-1);
  assert.deepEqual([event, actor], ['model-replaced', `${admin.person} and ${second.person}`]);
  assert.match(note, /url/);
  const malformed = await admin.ask('PUT', '/models/m1', { ...model, apiKeyEnv: 'sk-ant-1' });
  assert.deepEqual(saidOf(malformed), [422, 'malformed-model']);
});

test('a stage is closed by one person and opened by two', async () => {
  const second = await api.visitor(lab, ['safeguards-lead']);
  const stageOf = async () => (await done(lead.ask('GET', '/models/m1'))).openTo;
  const wide = await stageOf();
  assert.equal((await done(lead.ask('PUT', '/models/m1/stage', { stage: 'closed' }))).proposal, null);
  assert.equal(await stageOf(), 'closed');
  const { proposal } = await done(lead.ask('PUT', '/models/m1/stage', { stage: 'general' }));
  assert.equal(await stageOf(), 'closed');
  assert.deepEqual(saidOf(await lead.ask('POST', `/proposals/${proposal.id}/agree`)), [403, 'same-person']);
  assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${proposal.id}/agree`)), [403, 'not-your-role']);
  await done(second.ask('POST', `/proposals/${proposal.id}/agree`));
  assert.equal(await stageOf(), wide);
  assert.deepEqual(saidOf(await member.ask('PUT', '/models/m1/stage', { stage: 'closed' })), [403, 'not-your-role']);
});

test('a model that opens by decisions alone is narrowed by one person and opened by no proposal', async () => {
  const second = await api.visitor(lab, ['safeguards-lead']);
  const { proposal } = await done(lead.ask('PUT', '/models/m1/stage', { stage: 'closed' }));
  assert.equal(proposal, null);
  const waiting = (await done(lead.ask('PUT', '/models/m1/stage', { stage: 'general' }))).proposal;
  const hold = (isByDecision: boolean) =>
    api.database.transaction((tx) => createNoticeStore(tx).setStage('m1', { stage: 'partner', isByDecision }));
  await hold(true);
  assert.deepEqual(await done(lead.ask('GET', '/models/m1')).then(({ isByDecision }) => isByDecision), true);
  for (const stage of ['general', null])
    assert.deepEqual(saidOf(await lead.ask('PUT', '/models/m1/stage', { stage })), [409, 'by-decision']);
  const agreed = await second.ask('POST', `/proposals/${waiting.id}/agree`);
  assert.deepEqual(saidOf(agreed), [409, 'by-decision'], 'what was asked before it was held opens nothing either');
  assert.equal((await done(lead.ask('GET', '/models/m1'))).openTo, 'partner');
  await done(lead.ask('PUT', '/models/m1/stage', { stage: 'internal' }));
  await hold(false);
});

test('an administrator makes no key for somebody, and grants themselves nothing, without another', async () => {
  const second = await api.visitor(lab, ['admin']);
  const wanted = { person: member.person, models: ['m1'] };
  const count = async () => (await done(admin.ask('GET', `/organisations/${acme}/keys?limit=200`))).items.length;
  const before = await count();
  const asked = await done(admin.ask('POST', `/organisations/${acme}/keys`, wanted));
  assert.equal(await count(), before);
  assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${asked.id}/agree`)), [403, 'same-person']);
  const { result } = await done(second.ask('POST', `/proposals/${asked.id}/agree`));
  assert.match(result, /^hs_/);
  assert.equal(await count(), before + 1);
  assert.deepEqual(saidOf(await second.ask('POST', `/proposals/${asked.id}/agree`)), [409, 'proposal-over']);
  const nobody = await admin.ask('POST', `/organisations/${acme}/keys`, {
    ...wanted,
    person: `person_${'0'.repeat(32)}`,
  });
  assert.deepEqual(saidOf(nobody), [404, 'not-found']);

  const third = await api.world.organisation('Third');
  const self = await api.visitor(third, [], { email: await emailOf(admin) });
  for (const [organisation, person] of [
    [lab, admin.person],
    [third, self.person],
  ] as const) {
    const own = await done(admin.ask('POST', `/organisations/${organisation}/grants`, { person, models: ['m1'] }));
    assert.deepEqual(own.ids, [], 'also at another engagement');
    assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${own.proposal.id}/agree`)), [403, 'same-person']);
    await done(second.ask('POST', `/proposals/${own.proposal.id}/agree`));
    assert.equal((await done(admin.ask('GET', `/organisations/${organisation}/grants`))).items[0].person, person);
  }
});

test('one administrator does not make somebody, let them in and give them a model: any one of it takes another', async () => {
  const second = await api.visitor(lab, ['admin']);
  const self = await api.visitor(await api.world.organisation('Fourth'), ['admin'], { email: await emailOf(admin) });
  const add = async () =>
    (await done(admin.ask('POST', `/organisations/${acme}/persons`, { email: `${crypto.randomUUID()}@acme.test` }))).id;
  const invite = (person: string) => done(admin.ask('POST', `/persons/${person}/invitation`));
  const grant = (person: string, by: Visitor = admin) =>
    done(by.ask('POST', `/organisations/${acme}/grants`, { person, models: ['m1'] }));

  const invited = await add();
  assert.match((await invite(invited)).link, /\/join\//);
  const asked = await grant(invited);
  assert.deepEqual(asked.ids, [], 'invited, then granted');
  assert.deepEqual((await grant(invited, self)).ids, [], 'nor by another engagement of the same human');
  assert.deepEqual(saidOf(await admin.ask('POST', `/proposals/${asked.proposal.id}/agree`)), [403, 'same-person']);
  await done(second.ask('POST', `/proposals/${asked.proposal.id}/agree`));

  const granted = await add();
  assert.equal((await grant(granted)).ids.length, 1);
  const later = await invite(granted);
  assert.equal(later.link, null, 'granted, then invited');
  assert.match((await done(second.ask('POST', `/proposals/${later.proposal.id}/agree`))).result, /\/join\//);

  const shared = await add();
  await invite(shared);
  assert.equal((await grant(shared, second)).ids.length, 1, 'one invites, another grants');
});

test('asked at once, an invitation and a grant of one administrator do not slip past each other', async () => {
  for (let round = 0; round < 20; round += 1) {
    const email = `${crypto.randomUUID()}@acme.test`;
    const { id: person } = await done(admin.ask('POST', `/organisations/${acme}/persons`, { email }));
    const [invitation, grant] = await Promise.all([
      done(admin.ask('POST', `/persons/${person}/invitation`)),
      done(admin.ask('POST', `/organisations/${acme}/grants`, { person, models: ['m1'] })),
    ]);
    assert.ok(invitation.link === null || grant.ids.length === 0, `round ${round}: a way in and a model by one person`);
  }
});

test('vetting goes from the applicant to two reviewers of other organisations, and each step can name the version it saw', async () => {
  const { id: fresh } = await done(admin.ask('POST', '/organisations', { name: 'Applicant', country: 'FR' }));
  const applicant = await api.visitor(fresh, ['member', 'reviewer']);
  const [ann, ben] = [await api.visitor(lab, ['reviewer']), await api.visitor(lab, ['reviewer'])];
  const ann2 = await api.visitor(other, ['reviewer'], { email: await emailOf(ann) });
  await done(admin.ask('POST', '/terms', { text: 'Defensive use only.' }));
  const { id } = await done(applicant.ask('POST', `/organisations/${fresh}/applications`, { tier: 'trusted' }));
  const path = `/applications/${id}`;
  const content = Buffer.from('who owns it').toString('base64');
  const { id: file } = await done(applicant.ask('POST', `${path}/evidence`, { name: 'owners.txt', content }));
  assert.deepEqual(saidOf(await applicant.ask('POST', `${path}/submit`, { version: 9 })), [412, 'other-version']);
  assert.equal((await done(applicant.ask('POST', `${path}/submit`, { version: 1 }))).stage, 'in-review');
  assert.deepEqual(saidOf(await stranger.ask('GET', path)), [404, 'no-such-application']);

  assert.deepEqual(saidOf(await admin.ask('POST', `${path}/countries/look`, { purpose: 'review' })), [
    403,
    'not-your-role',
  ]);
  const looked = await done(ann.ask('POST', `${path}/countries/look`, { purpose: 'review' }));
  assert.deepEqual(
    looked.items.map(({ country }: { country: string }) => country),
    ['FR'],
  );
  assert.equal((await done(ann.ask('POST', `/evidence/${file}/look`, { purpose: 'review' }))).content, content);
  const looks = (await done(applicant.ask('GET', `/organisations/${fresh}/looks`))).items;
  assert.deepEqual(
    looks.map(({ reader, what }: { reader: string; what: string }) => [reader, what]),
    [
      [ann.person, 'countries'],
      [ann.person, file],
    ],
  );

  const pass = { met: [...CHECKLIST] };
  assert.deepEqual(saidOf(await applicant.ask('POST', `${path}/pass`, pass)), [403, 'own-application']);
  await done(ann.ask('POST', `${path}/pass`, pass));
  assert.deepEqual(
    saidOf(await ann2.ask('POST', `${path}/pass`, pass)),
    [403, 'another-person-needed'],
    'one human twice',
  );
  assert.equal((await done(ben.ask('POST', `${path}/pass`, pass))).stage, 'terms');
  const { version: terms } = await done(applicant.ask('GET', '/terms'));
  assert.equal((await done(applicant.ask('POST', `${path}/accept-terms`, { terms }))).stage, 'approved');
  assert.equal((await done(applicant.ask('GET', `/organisations/${fresh}`))).tier, 'trusted');
});

test('nothing of all this was a fault', () => {
  assert.deepEqual(api.faults, []);
});
