import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { createDoorWorld, type DoorWorld } from '../../test/support/doors.ts';
import type { Filled } from '../inbound/index.ts';
import { addReportRoutes, type ReportRouteParts } from './report-routes.ts';

const ORIGIN = 'https://pages.example.org';
const REPORT = { package: 'left-pad', title: 'It pads <b>right</b>', text: 'Call it & see.' };

let doors: DoorWorld;
let server: FastifyInstance;
let nowMs = 0;

before(async () => {
  doors = await createDoorWorld();
  server = await open();
});
after(async () => {
  await server?.close();
  await doors?.close();
});

async function open(more: Partial<ReportRouteParts> = {}): Promise<FastifyInstance> {
  const made = Fastify();
  await addReportRoutes(made, {
    inbound: doors.inbound,
    turnAway: doors.turningAway.add,
    clock: doors.world.clock,
    monotonicMs: () => nowMs,
    origin: () => ORIGIN,
    frame: { recipient: 'Example coordination', contact: 'mailto:security@example.org', policy: 'Ninety days.' },
    publicKeys: undefined,
    ...more,
  });
  return made;
}

/** As a person does: some seconds after the form was given out. */
async function send(filled: Filled, headers: Readonly<Record<string, string>> = {}, to = server) {
  const form = await to.inject({ url: '/report' });
  const stamp = /name="stamp" value="([^"]+)"/.exec(form.body)?.[1] ?? '';
  doors.world.clock.passDays(5 / 86_400);
  return await to.inject({
    method: 'POST',
    url: '/report',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams({ ...filled, stamp }).toString(),
  });
}

const countAll = async () => Object.values(await doors.intake.count()).reduce((sum, count) => sum + count, 0);

test('a report is taken without script and cookie, and its receipt shows what became of it', async () => {
  const sent = await send(REPORT);
  assert.equal(sent.statusCode, 201, sent.body);
  assert.equal(sent.headers['set-cookie'], undefined);
  const token = /<code>([\w-]{43})<\/code>/.exec(sent.body)?.[1];
  const shown = await server.inject({ url: `/report/${token}` });
  assert.equal(shown.statusCode, 200);
  assert.match(shown.body, /It is taken/);
  assert.equal(shown.headers['cache-control'], 'no-store');
  assert.equal(shown.headers['referrer-policy'], 'no-referrer');
  assert.match(String(shown.headers['content-security-policy']), /default-src 'none'/);
  assert.equal((await server.inject({ url: `/report/${'x'.repeat(43)}` })).statusCode, 404);
  assert.equal((await doors.intake.list({ where: {}, limit: 1 }))[0]?.claim?.title, REPORT.title);
});

test('the receipt of a flaw that is known reads like that of one that is not', async () => {
  const again = await send({ ...REPORT, contact: 'other@example.org' });
  const fresh = await send({ ...REPORT, package: 'right-pad', text: 'Something else entirely, elsewhere.' });
  const pages = await Promise.all(
    [again, fresh].map(async ({ body }) => {
      const path = /\/report\/[\w-]{43}/.exec(body)?.[0] ?? '';
      return (await server.inject({ url: path })).body.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, '');
    }),
  );
  assert.equal(pages[0], pages[1]);
});

test('what cannot be taken says why, keeps what was filled in, and keeps no record', async () => {
  const before = await countAll();
  const sent = await send({ ...REPORT, text: ' ' });
  assert.equal(sent.statusCode, 422);
  assert.match(sent.body, /“What happens, and how to see it” is empty/);
  assert.match(sent.body, /value="It pads &#60;b&#62;right&#60;\/b&#62;"/);
  const robot = await send({ ...REPORT, website: 'https://spam.example' });
  assert.equal(robot.statusCode, 422);
  const elsewhere = await send(REPORT, { 'sec-fetch-site': 'cross-site' });
  assert.equal(elsewhere.statusCode, 403);
  const large = await send({ ...REPORT, text: 'x'.repeat(200_000) });
  assert.equal(large.statusCode, 413);
  const json = await server.inject({ method: 'POST', url: '/report', payload: REPORT });
  assert.equal(json.statusCode, 415);
  assert.equal(await countAll(), before);
});

test('one address that sends too often waits, another does not, and time lets both send again', async () => {
  const own = await open();
  const from = (address: string) => ({ 'x-forwarded-for': `1.2.3.4, ${address}` });
  const sending = async (address: string) => (await send(REPORT, from(address), own)).statusCode;
  const codes: number[] = [];
  for (let sent = 0; sent < 6; sent += 1) codes.push(await sending('2001:db8:1:2::1'));
  assert.deepEqual([codes.slice(0, 5).every((code) => code === 201), codes[5]], [true, 429]);
  assert.equal(await sending('2001:db8:1:2:ffff::9'), 429, 'the same network');
  assert.equal(await sending('2001:db8:1:3::1'), 201, 'another one');
  nowMs += 120_000;
  assert.equal(await sending('2001:db8:1:2::1'), 201);
  await own.close();
  assert.ok(((await doors.turnedAway())['form too-often'] ?? 0) >= 2);
});

test('security.txt names the form, whom to write to and until when it holds, in https only', async () => {
  const keyed = await open({ publicKeys: 'age1example\n' });
  const { body, headers } = await keyed.inject({ url: '/.well-known/security.txt' });
  assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
  const lines = body.trimEnd().split('\n');
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('Expires: ')),
    [
      `Contact: ${ORIGIN}/report`,
      'Contact: mailto:security@example.org',
      `Encryption: ${ORIGIN}/report/key.txt`,
      `Policy: ${ORIGIN}/report`,
      'Preferred-Languages: en',
      `Canonical: ${ORIGIN}/.well-known/security.txt`,
    ],
  );
  const expires = Date.parse(lines.find((line) => line.startsWith('Expires: '))?.slice('Expires: '.length) ?? '');
  const days = (expires - doors.world.clock.now().getTime()) / 86_400_000;
  assert.ok(days > 30 && days < 365);
  assert.equal((await keyed.inject({ url: '/report/key.txt' })).body, 'age1example\n');
  await keyed.close();
  const local = await open({ origin: () => 'http://127.0.0.1:8470' });
  assert.ok(!/http:/.test((await local.inject({ url: '/.well-known/security.txt' })).body));
  await local.close();
  const frame = { recipient: 'Somebody', contact: undefined, policy: '' };
  const nobody = await open({ origin: () => 'http://127.0.0.1:8470', frame });
  assert.equal((await nobody.inject({ url: '/.well-known/security.txt' })).statusCode, 404);
  assert.equal((await nobody.inject({ url: '/report' })).statusCode, 200);
  await nobody.close();
});
