/** What the rows mean for a caller. Each case takes one thing away from a caller who may do everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuthorityRows, createAuthorityBook, findGrant } from './authority.ts';
import { modelAt } from './model.ts';
import { countryTag, UNKNOWN_COUNTRY } from './nationality.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const LATER = new Date('2026-07-01T00:00:00Z');
const tag = (country: string) => countryTag(Buffer.alloc(32), country);

type Rows = { [Kind in keyof AuthorityRows]: AuthorityRows[Kind][] };
const ORGANISATION = { id: 'organisation_a', name: 'A', standing: 'approved', tier: 'partner' } as const;
const CUSTOMER = { ...ORGANISATION, id: 'organisation_b' } as const;
const PERSON = {
  id: 'person_p',
  organisation: 'organisation_a',
  forOrganisation: undefined,
  email: 'p@a.test',
  standing: 'active',
  isCapped: false,
} as const;
const MODEL = {
  id: 'm1',
  protocol: 'anthropic',
  url: 'https://p.example',
  upstreamName: 'm1',
  apiKeyEnv: 'K',
  prices: { input: 1, output: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1 },
  contextTokens: 10,
  maxOutputTokens: 10,
  onLeave: 'abort',
  minTier: 'general',
  stage: undefined,
} as const;
const GRANT = {
  id: 'grant_g',
  organisation: 'organisation_a',
  person: undefined,
  model: 'm1',
  tier: 'partner',
  expiresAt: LATER,
  revokedAt: undefined,
} as const;
const KEY = {
  id: 'apikey_k',
  mac: 'aa',
  organisation: 'organisation_a',
  person: 'person_p',
  models: ['m1'],
  tier: 'partner',
  bind: 'none',
  jkt: undefined,
  isCapped: false,
  createdAt: NOW,
  expiresAt: undefined,
  revokedAt: undefined,
} as const;
const WHOLE: Rows = {
  organisations: [ORGANISATION],
  persons: [PERSON],
  countries: [],
  models: [MODEL],
  grants: [GRANT],
  keys: [KEY],
  stops: [],
  scopes: [],
  rates: [],
  rollouts: [],
};

function open(change: Partial<Rows> = {}) {
  const book = createAuthorityBook();
  const rows = { ...WHOLE, ...change };
  for (const kind of Object.keys(rows) as (keyof Rows)[]) book.put(kind, rows[kind] as never);
  return book;
}
const find = (change: Partial<Rows> = {}) => open(change).findCaller('aa', NOW);

test('a caller has the grants of their organisation', () => {
  const caller = find();
  assert.deepEqual([...(caller?.grants.keys() ?? [])], ['m1']);
  assert.equal(caller?.bind, 'none');
  assert.deepEqual(caller?.limits, ['organisation:organisation_a']);
});

const NOBODY: readonly [string, Partial<Rows>][] = [
  ['there is no such key', { keys: [] }],
  ['the key was revoked', { keys: [{ ...KEY, revokedAt: NOW }] }],
  ['the key expires at this instant', { keys: [{ ...KEY, expiresAt: NOW }] }],
  ['the person is unknown', { persons: [] }],
  ['the person has left', { persons: [{ ...PERSON, standing: 'left' }] }],
  ['the person is of another organisation', { persons: [{ ...PERSON, organisation: 'organisation_b' }] }],
  ['the organisation is unknown', { organisations: [] }],
  ['the organisation is an applicant', { organisations: [{ ...ORGANISATION, standing: 'applicant' }] }],
  ['the organisation has ended', { organisations: [{ ...ORGANISATION, standing: 'ended' }] }],
  ['the organisation has no tier', { organisations: [{ ...ORGANISATION, tier: undefined }] }],
  ['the organisation was moved to a tier further out', { organisations: [{ ...ORGANISATION, tier: 'trusted' }] }],
  ['the vendor that sends the person is not approved', vendor({ standing: 'applicant' })],
];
for (const [name, change] of NOBODY) test(`nobody, because ${name}`, () => assert.equal(find(change), undefined));

function vendor(change: object): Partial<Rows> {
  return {
    organisations: [{ ...ORGANISATION, ...change }, CUSTOMER],
    persons: [{ ...PERSON, forOrganisation: 'organisation_b' }],
    keys: [{ ...KEY, organisation: 'organisation_b' }],
    grants: [{ ...GRANT, organisation: 'organisation_b' }],
  };
}

test('who works for another organisation uses its grants and its money', () => {
  const caller = find(vendor({}));
  assert.deepEqual([caller?.organisation, caller?.forOrganisation], ['organisation_a', 'organisation_b']);
  assert.equal(caller?.grants.size, 1);
  assert.deepEqual(caller?.limits, ['organisation:organisation_b']);
});

const NOTHING: readonly [string, Partial<Rows>][] = [
  ['there is no grant', { grants: [] }],
  ['the grant was revoked', { grants: [{ ...GRANT, revokedAt: NOW }] }],
  ['the grant is of another organisation', { grants: [{ ...GRANT, organisation: 'organisation_b' }] }],
  ['the grant is of another person', { grants: [{ ...GRANT, person: 'person_q' }] }],
  ['the grant is of a tier further out', { grants: [{ ...GRANT, tier: 'trusted' }] }],
  ['the key is for another model', { keys: [{ ...KEY, models: ['m2'] }] }],
  ['the model is gone', { models: [] }],
  ['the model is closed', { models: [{ ...MODEL, stage: 'closed' }] }],
  ['the stage is further in', { models: [{ ...MODEL, stage: 'internal' }] }],
  ['the operator keeps it further in', { models: [{ ...MODEL, minTier: 'internal' }] }],
];
for (const [name, change] of NOTHING) {
  test(`no model, because ${name}`, () => assert.deepEqual([...(find(change)?.grants ?? [])], []));
}

test('a grant ends at its instant', () => {
  const caller = find();
  assert.ok(caller);
  assert.ok(findGrant(caller, 'm1', new Date(LATER.getTime() - 1)));
  assert.equal(findGrant(caller, 'm1', LATER), undefined);
  assert.equal(findGrant(caller, 'm2', NOW), undefined);
});

test('of two grants the longer one counts', () => {
  const longer = { ...GRANT, id: 'grant_h', expiresAt: new Date('2026-08-01T00:00:00Z') } as const;
  for (const grants of [
    [GRANT, longer],
    [longer, GRANT],
  ]) {
    assert.equal(find({ grants })?.grants.get('m1')?.id, 'grant_h');
  }
});

test('a bound key without a proof yet takes the first; a bound one names its key', () => {
  assert.equal(find({ keys: [{ ...KEY, bind: 'dpop' }] })?.bind, 'first-use');
  assert.deepEqual(find({ keys: [{ ...KEY, bind: 'dpop', jkt: 'x' }] })?.bind, { jkt: 'x' });
});

test('unknown countries count as unknown, each in its own respect', () => {
  const country = (subject: string, kind: 'nationality' | 'jurisdiction' | 'beneficial-owner', cc: string) => ({
    id: `${subject}${kind}`,
    subject,
    kind,
    tag: tag(cc),
  });
  const of = (...countries: ReturnType<typeof country>[]) => [...(find({ countries })?.countryTags ?? [])].sort();
  assert.deepEqual(of(), [UNKNOWN_COUNTRY]);
  const both = of(country('person_p', 'nationality', 'US'), country('organisation_a', 'jurisdiction', 'US'));
  assert.deepEqual(both, [tag('US')]);
  assert.ok(of(country('person_p', 'nationality', 'US')).includes(UNKNOWN_COUNTRY), 'the organisation is unknown');
  assert.ok(of(country('organisation_a', 'jurisdiction', 'US')).includes(UNKNOWN_COUNTRY), 'the person is unknown');
  const owned = of(
    country('person_p', 'nationality', 'US'),
    country('organisation_a', 'jurisdiction', 'US'),
    country('organisation_a', 'beneficial-owner', 'CN'),
  );
  assert.deepEqual(owned, [tag('CN'), tag('US')].sort());
});

test('caps bind where somebody set one', () => {
  const caller = find({ persons: [{ ...PERSON, isCapped: true }], keys: [{ ...KEY, isCapped: true }] });
  assert.deepEqual(caller?.limits, ['organisation:organisation_a', 'person:person_p', 'key:apikey_k']);
});

test('a rate of their own goes before the one of the tier', () => {
  assert.deepEqual(find({ rates: [{ id: 'apikey_k', perSecond: 3, burst: 4 }] })?.rate.key, {
    id: 'apikey_k',
    perSecond: 3,
    burst: 4,
  });
  assert.ok((find()?.rate.organisation.perSecond ?? 0) > (find()?.rate.key.perSecond ?? 0));
});

test('what is changed and removed later counts at once', () => {
  const book = open();
  assert.ok(book.findCaller('aa', NOW));
  book.put('keys', [{ ...KEY, mac: 'bb' }]);
  assert.equal(book.findCaller('aa', NOW), undefined, 'the old hash leads nowhere');
  assert.ok(book.findCaller('bb', NOW));
  book.remove('grants', ['grant_g']);
  assert.equal(book.findCaller('bb', NOW)?.grants.size, 0);
  book.remove('organisations', ['organisation_a']);
  assert.equal(book.findCaller('bb', NOW), undefined);
  assert.equal(book.findKey('apikey_k', NOW), undefined);
});

test('from its end on a stage is closed, whatever the clock of this machine says, and nothing before', () => {
  const at = (ms: number): Date => new Date(LATER.getTime() - 1_000 + ms);
  const book = open({
    models: [
      { ...MODEL, stage: 'partner', stageEndsAt: at(0) },
      { ...MODEL, id: 'm2' },
    ],
  });
  const grants = (): number | undefined => book.findCaller('aa', NOW)?.grants.size;
  assert.deepEqual([book.passTo(at(-1)), grants()], [false, 1]);
  assert.deepEqual([book.passTo(at(0)), grants()], [true, 0]);
  assert.deepEqual(
    [book.passTo(at(0)), book.passTo(at(-5_000)), grants()],
    [false, false, 0],
    'what has ended stays so',
  );
  book.put('models', [{ ...MODEL, stage: 'partner', stageEndsAt: at(100) }]);
  assert.equal(grants(), 1, 'another decision');
  book.put('models', [{ ...MODEL, stage: 'partner' }]);
  assert.deepEqual([book.passTo(at(9_000)), grants()], [false, 1], 'without an end it stays open');
});

test('a model at an instant is the model, and closed from its end on', () => {
  const model = { ...MODEL, stage: 'general', stageEndsAt: LATER } as const;
  assert.equal(modelAt(model, new Date(LATER.getTime() - 1)), model);
  assert.equal(modelAt(model, LATER).stage, 'closed');
  assert.equal(modelAt(MODEL, LATER), MODEL);
});
