/**
 * What a partner may use the model on, in one canonical spelling each:
 *
 *   pkg:npm/name            the package in every version
 *   repo:host/owner/name    the repository
 *   host:example.org        exactly this host; `host:*.example.org` every host below it
 *   cidr:192.0.2.0/24       the addresses of a network
 *   cloud:provider/account  an account
 *
 * Two spellings of one thing must compare equal, and two things must never: hosts are compared as their A-labels
 * (UTS 46), addresses as numbers, npm names with their case.
 */
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { nameAsWritten, readPurl } from '../formats/purl.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type Asset =
  | { readonly kind: 'pkg'; readonly type: string; readonly name: string }
  | { readonly kind: 'repo'; readonly host: string; readonly owner: string; readonly name: string }
  | { readonly kind: 'host'; readonly host: string; readonly below: boolean }
  | { readonly kind: 'cidr'; readonly network: string; readonly bits: number }
  | { readonly kind: 'cloud'; readonly provider: string; readonly account: string };

export type AssetKind = Asset['kind'];

export interface AssetRefusal {
  readonly kind: 'bad-asset';
  readonly text: string;
  readonly why: string;
}

/** Longest asset read, characters. */
const MAX_ASSET = 512;
/** A network wider than this is nobody's single asset, bits. */
const MIN_BITS = { ipv4: 8, ipv6: 19 } as const;
/** Underscores stand in real host names (`_dmarc`). */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const PATH_PART = /^(?!\.{1,2}$)[\w.-]{1,100}$/;

export const ASSET_FORMS =
  'pkg:npm/name, repo:host/owner/name, host:example.org, cidr:192.0.2.0/24 or cloud:provider/account';

export function readAsset(text: string): Result<Asset, AssetRefusal> {
  const no = (why: string) => refuse<AssetRefusal>({ kind: 'bad-asset', text: text.slice(0, 100), why });
  if (text.length > MAX_ASSET) return no(`longer than ${MAX_ASSET} characters`);
  const [, kind = '', rest = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const asset = READERS[kind as AssetKind]?.(rest, text);
  if (asset === undefined) return no(`not one of ${ASSET_FORMS}`);
  return typeof asset === 'string' ? no(asset) : ok(asset);
}

/** What is wrong with it, or the asset. */
const READERS: Readonly<Record<AssetKind, (rest: string, text: string) => Asset | string>> = {
  pkg(_rest, text) {
    const purl = readPurl(text);
    if (!purl.ok) return purl.refusal.reason;
    const name = purl.value.type === 'npm' ? nameAsWritten(text) : undefined;
    const { namespace } = purl.value;
    return {
      kind: 'pkg',
      type: purl.value.type,
      name: name ?? (namespace ? `${namespace}/${purl.value.name}` : purl.value.name),
    };
  },
  repo(rest) {
    const parts = rest.replace(/\.git$/, '').split('/');
    const [hostText = '', owner = '', name = ''] = parts;
    const host = readHost(hostText);
    if (parts.length !== 3 || !host) return 'a repository is host/owner/name';
    if (!PATH_PART.test(owner) || !PATH_PART.test(name)) return 'owner and name are letters, digits, ".", "_" and "-"';
    // The forges that matter compare both without case; where one does not, its second spelling is refused, not granted.
    return { kind: 'repo', host, owner: owner.toLowerCase(), name: name.toLowerCase() };
  },
  host(rest) {
    const below = rest.startsWith('*.');
    const host = readHost(below ? rest.slice(2) : rest);
    if (!host) return 'not the name of a host (an address is written cidr:)';
    if (!host.includes('.')) return 'a name without a dot belongs to no one in particular';
    return { kind: 'host', host, below };
  },
  cidr(rest) {
    const [, address = '', bitsText] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(rest) ?? [];
    if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return 'not a network address';
    const written = ipaddr.parse(address);
    const mapped = written.kind() === 'ipv6' && (written as ipaddr.IPv6).isIPv4MappedAddress();
    const parsed = ipaddr.process(address);
    const width = parsed.kind() === 'ipv4' ? 32 : 128;
    const bits = bitsText === undefined ? width : Number(bitsText) - (mapped ? 96 : 0);
    if (bits < 0 || bits > width) return `a prefix has 0 to ${width} bits`;
    const least = MIN_BITS[parsed.kind()];
    if (bits < least) return `a network of fewer than ${least} bits is wider than anybody's`;
    return { kind: 'cidr', network: networkOf(parsed, bits), bits };
  },
  cloud(rest) {
    const [provider = '', account = '', ...more] = rest.split('/');
    if (more.length > 0 || !LABEL.test(provider) || !PATH_PART.test(account)) return 'an account is provider/account';
    return { kind: 'cloud', provider, account };
  },
};

/** The A-label form without a final dot; undefined where it is no host name, or an address in any spelling. */
function readHost(text: string): string | undefined {
  if (/[/@?#:\\%\s]/.test(text)) return undefined;
  const host = domainToASCII(text).replace(/\.$/, '');
  // The URL standard turns "0x7f.1" and "2130706433" into addresses.
  if (host === '' || host.length > 253 || ipaddr.isValid(host)) return undefined;
  return host.split('.').every((label) => LABEL.test(label)) ? host : undefined;
}

function networkOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): string {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.max(0, Math.min(8, bits - index * 8));
    return byte & ((0xff << (8 - kept)) & 0xff);
  });
  return ipaddr.fromByteArray(bytes).toNormalizedString();
}

/** Canonical: two assets are the same if and only if these texts are. */
export function assetText(asset: Asset): string {
  switch (asset.kind) {
    case 'pkg':
      return `pkg:${asset.type}/${asset.name}`;
    case 'repo':
      return `repo:${asset.host}/${asset.owner}/${asset.name}`;
    case 'host':
      return `host:${asset.below ? '*.' : ''}${asset.host}`;
    case 'cidr':
      return `cidr:${asset.network}/${asset.bits}`;
    case 'cloud':
      return `cloud:${asset.provider}/${asset.account}`;
  }
}

/** Does a standing asset take this target in? Kinds never cover one another: a host says nothing about its addresses. */
export function covers(held: Asset, target: Asset): boolean {
  if (held.kind === 'host' && target.kind === 'host' && held.below) return target.host.endsWith(`.${held.host}`);
  if (held.kind === 'cidr' && target.kind === 'cidr') {
    const wide = ipaddr.parse(held.network);
    const narrow = ipaddr.parse(target.network);
    if (wide.kind() !== narrow.kind() || target.bits < held.bits) return false;
    return networkOf(narrow, held.bits) === held.network;
  }
  return assetText(held) === assetText(target);
}
