/** A stranger reports a flaw in a browser that runs no script, and sees what became of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Browser, Page } from 'playwright-core';
import { addReportRoutes } from '../../src/http/index.ts';
import { findChromium, launchChromium } from '../support/chromium.ts';
import { createDoorWorld, type DoorWorld } from '../support/doors.ts';

const executable = findChromium();
const skip = executable ? false : 'there is no chromium, and none may be installed';
const SECONDS_TO_TYPE = 30;

let doors: DoorWorld;
let server: FastifyInstance;
let browser: Browser;
let page: Page;

before(async () => {
  if (!executable) return;
  doors = await createDoorWorld();
  server = Fastify();
  await addReportRoutes(server, {
    inbound: doors.inbound,
    turnAway: doors.turningAway.add,
    clock: doors.world.clock,
    monotonicMs: () => 0,
    origin: () => 'https://pages.example.org',
    frame: {
      recipient: 'Example coordination',
      contact: 'mailto:security@example.org',
      policy: 'How long it stays private: ninety days.',
    },
    publicKeys: 'age1example\n',
  });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium(executable);
  page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${address}/report`);
});

after(async () => {
  await browser?.close();
  await server?.close();
  await doors?.close();
});

test('without account and script a stranger reports a flaw, and the receipt shows that it was taken', {
  skip,
}, async () => {
  await page.getByLabel('Package or project').fill('left-pad');
  await page.getByLabel('Where in the source').fill('index.js:12');
  await page.getByLabel('In one line').fill('It <script>pads</script> right');
  await page.getByLabel('What happens').fill('Call it with a negative length.');
  await page.getByLabel('How bad').selectOption('high');
  await page.getByLabel('Who else knows').selectOption('public');
  doors.world.clock.passDays(SECONDS_TO_TYPE / 86_400);
  await page.getByRole('button', { name: 'Send the report' }).click();
  await page.getByRole('heading', { name: 'Taken' }).waitFor();
  await page.getByRole('link').click();
  await page.getByText('It is taken').waitFor();
  const [record] = await doors.intake.list({ where: {}, limit: 1 });
  assert.equal(record?.claim?.title, 'It <script>pads</script> right');
  assert.deepEqual(record?.claim?.places[0]?.line, 12);
  assert.match(record?.claim?.text ?? '', /The reporter says: it is public already\.$/);
});

test('the field that catches machines is seen by nobody', { skip }, async () => {
  await page.goto(new URL('/report', page.url()).href);
  assert.equal(await page.getByLabel('Leave this empty').isVisible(), false);
});
