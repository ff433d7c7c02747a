/** Invitation, passkey, sign-in and keys, as a person does them in a browser. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { findChromium, launchChromium, plugInAuthenticator } from '../support/chromium.ts';
import { createInstallation, type Installation, type Running } from '../support/installation.ts';

const executable = findChromium();
const skip = executable ? false : 'there is no chromium, and none may be installed';

let installation: Installation;
let serving: Running;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let origin: string;

before(async () => {
  if (!executable) return;
  installation = await createInstallation();
  const prices = join(installation.folder, 'prices.json');
  writeFileSync(prices, JSON.stringify({ input: 10, output: 50, cacheWrite5m: 12, cacheWrite1h: 20, cacheRead: 1 }));
  await installation.expect(0, 'org', 'add', 'Acme', '--country', 'US');
  await installation.expect(0, 'org', 'approve', 'Acme', '--yes');
  await installation.expect(0, 'person', 'add', 'Acme', 'ada@acme.example');
  const model = ['--protocol', 'anthropic', '--url', 'http://127.0.0.1:9', '--key-env', 'NONE', '--prices', prices];
  await installation.expect(0, 'model', 'add', 'mythos', ...model);
  await installation.expect(0, 'key', 'create', '--org', 'Acme', '--person', 'ada@acme.example', '--model', 'mythos');
  serving = installation.start('serve', '--role', 'web', '--port', '0');
  const line = await serving.said(/"console"/);
  origin = JSON.parse(line).console.replace('127.0.0.1', 'localhost');
  browser = await launchChromium(executable);
  context = await browser.newContext();
  page = await context.newPage();
  await plugInAuthenticator(context, page);
});

after(async () => {
  await browser?.close();
  serving?.child.kill('SIGTERM');
  await serving?.ended;
  await installation?.close();
});

const invite = async (): Promise<string> => {
  const { json } = await installation.expect(0, 'person', 'invite', 'ada@acme.example', '--json');
  return `${origin}${new URL(String(json[0]?.link)).pathname}`;
};

test('an invited person enrols a passkey, keeps the recovery codes, and makes a key with a first call to paste', {
  skip,
}, async () => {
  const link = await invite();
  await page.goto(link);
  await page.getByRole('button', { name: 'Enrol a passkey' }).click();
  await page.getByText('The passkey is enrolled.').waitFor();
  const codes = ((await page.locator('#codes').textContent()) ?? '').split('\n');
  assert.equal(codes.length, 8);
  await page.getByRole('link', { name: 'Go on to your keys' }).click();
  const row = page
    .getByRole('row')
    .filter({ hasText: 'partner' })
    .filter({ has: page.getByRole('button', { name: 'Make a key' }) });
  await row.getByRole('button').click();
  const key = (await page.locator('#key').textContent()) ?? '';
  assert.match(key, /^hs_[\w-]{43}$/);
  assert.match((await page.locator('pre').nth(1).textContent()) ?? '', /curl .*\/v1\/messages/);
  await page.goto(`${origin}/keys`);
  assert.equal((await page.content()).includes(key), false, 'a key is shown once');
  await page.goto(link);
  assert.match(await page.content(), /This link was used/);
});

test('the passkey signs in again, and a key that is revoked on the page is revoked', { skip }, async () => {
  await page.goto(`${origin}/keys`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(`${origin}/keys`);
  assert.equal(new URL(page.url()).pathname, '/signin');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.waitForURL('**/keys');
  const before = await page.getByRole('button', { name: 'Revoke' }).count();
  await page.getByRole('button', { name: 'Revoke' }).first().click();
  await page.waitForURL('**/keys');
  assert.equal(await page.getByRole('button', { name: 'Revoke' }).count(), before - 1);
  const { stdout } = await installation.expect(0, 'key', 'list', 'Acme', '--json');
  const revoked = (JSON.parse(stdout) as { revokedAt: string | null }[]).filter(({ revokedAt }) => revokedAt);
  assert.equal(revoked.length, 1);
});

test('another browser has no session, and no other site can act in this one', { skip }, async () => {
  const other = await browser.newContext();
  const stranger = await other.newPage();
  await stranger.goto(`${origin}/keys`);
  assert.equal(new URL(stranger.url()).pathname, '/signin');
  await other.close();
  const forged = await context.request.post(`${origin}/keys`, {
    headers: { origin: 'https://evil.example' },
    form: { model: 'mythos', tier: 'partner' },
  });
  assert.equal(forged.status(), 403);
});

test('who leaves is out at once', { skip }, async () => {
  await installation.expect(0, 'person', 'remove', 'ada@acme.example');
  await page.goto(`${origin}/keys`);
  assert.equal(new URL(page.url()).pathname, '/signin');
});
