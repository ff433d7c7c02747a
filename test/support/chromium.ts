/** Debian's chromium, installed where that is allowed; and passkeys in it through its virtual authenticator. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const INSTALL_LIMIT_MS = 300_000;

/** Undefined where there is none and none may be installed: the caller skips, visibly. */
export function findChromium(): string | undefined {
  const found = PLACES.find((path) => existsSync(path));
  if (found || process.getuid?.() !== 0 || process.env.HEADSTART_NO_APT === '1') return found;
  process.stderr.write('installing the Debian package chromium for the tests of pages (apt-get install chromium)\n');
  const apt = (...args: readonly string[]) =>
    spawnSync('apt-get', args, {
      stdio: 'ignore',
      timeout: INSTALL_LIMIT_MS,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  if (apt('install', '-y', '--no-install-recommends', 'chromium').status !== 0) {
    apt('update');
    apt('install', '-y', '--no-install-recommends', 'chromium');
  }
  return PLACES.find((path) => existsSync(path));
}

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** A security key that is always touched and always knows its owner, as long as the page lives. */
export async function plugInAuthenticator(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
