/**
 * Where a report is sent, as a person writes it.
 *
 *   maintainer@example.org            mail
 *   github:owner/repository           private vulnerability report
 *   advisory:owner/repository         draft advisory in a repository of the installation's own
 *   issue:owner/repository            public issue
 *   vince:Name of the vendor          CERT/CC
 *   webhook:https://example.org/hook  signed
 */
import { isMailAddress } from '../lib/mail-address.ts';
import type { RealChannel } from './channel.ts';

export interface Repository {
  readonly owner: string;
  readonly repo: string;
}

export type Address =
  | { readonly channel: 'smtp'; readonly mail: string }
  | ({ readonly channel: 'github-report' | 'github-advisory' | 'github-issue' } & Repository)
  | { readonly channel: 'vince'; readonly vendor: string }
  | { readonly channel: 'webhook'; readonly url: string };

type ForgeChannel = 'github-report' | 'github-advisory' | 'github-issue';

const FORGE = new Map<string, ForgeChannel>([
  ['github', 'github-report'],
  ['advisory', 'github-advisory'],
  ['issue', 'github-issue'],
]);

/** As GitHub allows them. */
const OWNER = /^[a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?$/i;
const REPO = /^(?!\.{1,2}$)[\w.-]{1,100}$/;
/** One line that can be shown and quoted. */
const VENDOR = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,200}$/u;
const MAX_URL = 2_000;
/** Elsewhere a report would be read on its way. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Undefined where it is none of these. */
export function readAddress(text: string): Address | undefined {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  const forge = FORGE.get(scheme);
  if (forge) return readRepository(forge, rest);
  if (scheme === 'vince') {
    const vendor = rest.trim();
    return VENDOR.test(vendor) ? { channel: 'vince', vendor } : undefined;
  }
  if (scheme === 'webhook') {
    const url = rest.length <= MAX_URL && URL.canParse(rest) ? new URL(rest) : undefined;
    const isSafe = url && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)));
    return isSafe && !url.username && !url.password && !url.hash ? { channel: 'webhook', url: url.href } : undefined;
  }
  return isMailAddress(text) ? { channel: 'smtp', mail: text } : undefined;
}

function readRepository(channel: ForgeChannel, path: string): Address | undefined {
  const [owner = '', repo = '', ...more] = path.split('/');
  return OWNER.test(owner) && REPO.test(repo) && more.length === 0 ? { channel, owner, repo } : undefined;
}

/** What is sent there is open to everybody at once. */
export const isPublicChannel = (channel: RealChannel): boolean => channel === 'github-issue';
