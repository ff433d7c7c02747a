/** A maintainer follows the link of a report, in a browser that runs no script, and answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { findChromium, launchChromium } from '../support/chromium.ts';
import { createPages, type Pages, type SentReport } from '../support/maintainer-pages.ts';

const executable = findChromium();
const skip = executable ? false : 'there is no chromium, and none may be installed';

let pages: Pages;
let browser: Browser;
let page: Page;
let sent: SentReport;

before(async () => {
  if (!executable) return;
  pages = await createPages();
  sent = await pages.send();
  await pages.disclosure.learn(sent.id, { patch: '--- a/index.js\n+++ b/index.js\n@@ -1 +1 @@\n-a\n+b\n' });
  const address = await pages.server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium(executable);
  page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${address}${sent.path}`);
});

after(async () => {
  await browser?.close();
  await pages?.close();
});

test('without account and script a maintainer reads the report, sets a zone, answers and asks for time', {
  skip,
}, async () => {
  await page.getByRole('heading', { name: 'Security report: Prototype pollution in @scope/example' }).waitFor();
  await page.getByLabel('Your time zone').fill('Europe/Berlin');
  await page.getByRole('button', { name: 'Set the zone' }).click();
  assert.match((await page.locator('time').first().textContent()) ?? '', /UTC = .* Europe\/Berlin \(UTC\+0[12]:00\)/);
  await page.getByLabel('Where do you stand?').selectOption('fixing');
  await page.getByRole('button', { name: 'Say so' }).click();
  await page.getByLabel('Fixed in version').fill('1.2.3');
  await page.getByRole('button', { name: 'Fixed in this version' }).click();
  await page.getByText('the reproducer is run on that version now').waitFor();
  await page.getByRole('button', { name: 'Ask for more time' }).click();
  await page.getByText('1 of 2 agree').waitFor();
  const shared = await pages.coordination.find(sent.id);
  assert.equal(shared?.it.participants.get(sent.who)?.standing, 'fixing');
  assert.deepEqual(
    shared?.it.answers.map(({ kind }) => kind),
    ['fixed-in', 'more-time'],
  );
});

test('the address of the page goes to no other site, and is kept by no cache', { skip }, async () => {
  const response = await page.reload();
  assert.equal(response?.headers()['referrer-policy'], 'no-referrer');
  assert.equal(response?.headers()['cache-control'], 'no-store');
});
