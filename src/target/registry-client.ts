/**
 * The npm registry: what versions a package has, and the packed archive of one. Answers are kept in a cache that npm
 * can share; archives are checked against their integrity, from the cache as from the network.
 *
 * `fresh` asks again once an answer is older than the registry allows; `cache-first` asks only for what is missing;
 * `offline` never asks.
 */
import { join } from 'node:path';
import npmFetch, { type Options } from 'npm-registry-fetch';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Manifest } from './manifest.ts';
import { type NpmSettings, readNpmSettings } from './npm-settings-client.ts';
import { type Packument, readPackument } from './packument.ts';

export interface RegistryOptions {
  readonly mode: 'fresh' | 'cache-first' | 'offline';
  /** The cache, in the form of npm's: what `npm --cache DIR` filled is found. The user's own npm cache where absent. */
  readonly cache?: string;
  /** Where absent, npm is asked once, at the first need. */
  readonly settings?: NpmSettings;
  readonly limits?: Partial<RegistryLimits>;
}

export interface RegistryLimits {
  readonly requestMs: number;
  readonly attempts: number;
  /** Between attempts: this, then twice this, and so on. */
  readonly pauseMs: number;
  readonly packumentBytes: number;
  readonly archiveBytes: number;
}

export const REGISTRY_LIMITS: RegistryLimits = {
  requestMs: 60_000,
  attempts: 3,
  pauseMs: 250,
  packumentBytes: 64 * 1024 * 1024,
  archiveBytes: 96 * 1024 * 1024,
};

interface RegistryRefusal {
  readonly kind: 'not-found' | 'registry-unavailable' | 'integrity-mismatch' | 'too-large';
  readonly reason: string;
}

export interface Registry {
  /** `again` asks the registry even where the cache would do (unless offline). */
  packument(name: string, want?: { full?: boolean; again?: boolean }): Promise<Result<Packument, RegistryRefusal>>;
  archive(manifest: Manifest): Promise<Result<Buffer, RegistryRefusal>>;
}

/** What npm itself sends, so that its cache fits. */
const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*';
const PACKUMENTS_REMEMBERED = 500;

export function createRegistry(options: RegistryOptions): Registry {
  const limits = { ...REGISTRY_LIMITS, ...options.limits };
  const remembered = new Map<string, Promise<Result<Packument, RegistryRefusal>>>();
  let settings: Promise<NpmSettings> | undefined;
  const get = async (address: (settings: NpmSettings) => string, extra: Options, most: number) => {
    settings ??= options.settings ? Promise.resolve(options.settings) : readNpmSettings();
    const known = await settings;
    return await fetchBytes(address(known), { ...toFetchOptions(known, options, limits), ...extra }, limits, most);
  };
  return {
    packument(name, want = {}) {
      const key = `${want.full ? 'full' : 'abbreviated'} ${name}`;
      const known = want.again ? undefined : remembered.get(key);
      if (known !== undefined) return known;
      const asked = askPackument(name, want.full ?? false, (address, extra) =>
        get(address, want.again ? { ...extra, ...AGAIN[options.mode] } : extra, limits.packumentBytes),
      );
      const oldest = remembered.keys().next();
      if (remembered.size >= PACKUMENTS_REMEMBERED && !oldest.done) remembered.delete(oldest.value);
      remembered.set(key, asked);
      asked.then(
        (answer) => answer.ok || remembered.delete(key),
        () => remembered.delete(key),
      );
      return asked;
    },
    async archive({ name, version, tarball, integrity }) {
      if (tarball === null || !URL.canParse(tarball) || integrity === null) {
        return refuse({ kind: 'not-found', reason: `${name}@${version} is listed without an archive or its hash` });
      }
      const extra = { integrity, preferOffline: options.mode !== 'offline' } as Options;
      return await get((known) => toOwnHost(tarball, known), extra, limits.archiveBytes);
    },
  };
}

const AGAIN = {
  fresh: { preferOnline: true },
  'cache-first': { preferOnline: true, preferOffline: false },
  offline: {},
} as const;

type Get = (address: (settings: NpmSettings) => string, extra: Options) => Promise<Result<Buffer, RegistryRefusal>>;

async function askPackument(name: string, full: boolean, get: Get): Promise<Result<Packument, RegistryRefusal>> {
  const headers = full ? { accept: 'application/json' } : { accept: ABBREVIATED };
  const path = name.replace('/', '%2f');
  const answer = await get((settings) => `${registryFor(name, settings).replace(/\/*$/, '')}/${path}`, {
    headers,
  } as Options);
  if (!answer.ok) {
    const isMissing = answer.refusal.kind === 'not-found';
    return isMissing ? refuse({ kind: 'not-found', reason: `the registry has no package "${name}"` }) : answer;
  }
  const packument = readPackument(name, answer.value);
  return packument
    ? ok(packument)
    : refuse({ kind: 'registry-unavailable', reason: `the registry's answer for "${name}" is not a package document` });
}

function registryFor(name: string, settings: NpmSettings): string {
  const scope = name.startsWith('@') ? name.split('/')[0] : undefined;
  return (scope && settings.scopes[scope]) || settings.registry;
}

/** As npm's `replace-registry-host`: archives of the public registry come from the mirror the user configured. */
function toOwnHost(tarball: string, settings: NpmSettings): string {
  const address = new URL(tarball);
  const own = new URL(settings.registry);
  if (address.host !== new URL(npmFetch.pickRegistry('any', {})).host || address.host === own.host) return tarball;
  const base = own.pathname.replace(/\/*$/, '');
  return `${own.origin}${base}${address.pathname}${address.search}`;
}

function toFetchOptions(settings: NpmSettings, options: RegistryOptions, limits: RegistryLimits): Options {
  return {
    registry: settings.registry,
    cache: join(options.cache ?? settings.cacheDirectory, '_cacache'),
    ...(settings.ca.length > 0 ? { ca: [...settings.ca] } : {}),
    strictSSL: settings.strictSsl,
    ...(settings.proxy ? { proxy: settings.proxy } : {}),
    ...(settings.noProxy ? { noProxy: settings.noProxy } : {}),
    preferOffline: options.mode === 'cache-first',
    offline: options.mode === 'offline',
    timeout: limits.requestMs,
    // Attempts are counted in one place, below: a body cut off is tried again like a refused connection.
    fetchRetries: 0,
  } as Options;
}

async function fetchBytes(
  address: string,
  options: Options,
  limits: RegistryLimits,
  most: number,
): Promise<Result<Buffer, RegistryRefusal>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const signal = AbortSignal.timeout(limits.requestMs);
      const response = await npmFetch(address, { ...options, signal } as Options);
      const body = await readBody(response.body, most);
      return body ? ok(body) : refuse({ kind: 'too-large', reason: `an answer of more than ${most} bytes` });
    } catch (error) {
      const fault = error as Error & { code?: string; statusCode?: number };
      if (attempt >= limits.attempts || !isWorthAnother(fault)) return refuse(toRefusal(fault, address));
      await new Promise((resolve) => setTimeout(resolve, limits.pauseMs * attempt));
    }
  }
}

/** By events: the stream's own iterator leaves a listener behind for every chunk. Undefined where it is too large. */
function readBody(body: NodeJS.ReadableStream | null, most: number): Promise<Buffer | undefined> {
  if (body === null) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    body.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= most) chunks.push(chunk);
      else resolve(undefined);
    });
    body.on('error', reject);
    body.on('end', () => resolve(Buffer.concat(chunks)));
  });
}

function isWorthAnother({ code, statusCode }: { code?: string; statusCode?: number }): boolean {
  if (statusCode !== undefined) return statusCode >= 500 || statusCode === 429;
  return code !== 'ENOTCACHED' && code !== 'CERT_HAS_EXPIRED' && code !== 'ENOTFOUND';
}

function toRefusal(fault: Error & { code?: string; statusCode?: number }, address: string): RegistryRefusal {
  const { host, pathname } = new URL(address);
  const { code, statusCode } = fault;
  if (statusCode === 404 || statusCode === 405) return { kind: 'not-found', reason: `${host} has no ${pathname}` };
  if (code === 'EINTEGRITY') {
    return {
      kind: 'integrity-mismatch',
      reason: `what ${host} sent for ${pathname} has another hash than it announced`,
    };
  }
  if (code === 'ENOTCACHED') {
    return {
      kind: 'registry-unavailable',
      reason: `${pathname} is not in the cache; run once with the registry reachable, or name a cache that holds it`,
    };
  }
  const doing = statusCode === 401 || statusCode === 403 ? 'it refuses access' : fault.message;
  return {
    kind: 'registry-unavailable',
    reason: `${host} did not give ${pathname} (${code ?? fault.name}: ${doing}); check "npm ping", proxy settings, or use --cache`,
  };
}
