/**
 * The user's npm settings that decide how the registry is reached: which one, through which proxy, trusting whom.
 * Asked of npm itself, because only npm knows all the places it reads them from.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface NpmSettings {
  readonly registry: string;
  /** `@scope` to registry. */
  readonly scopes: Readonly<Record<string, string>>;
  /** PEM certificates to trust instead of the built-in ones. */
  readonly ca: readonly string[];
  readonly strictSsl: boolean;
  readonly proxy: string | null;
  readonly noProxy: string | null;
  /** npm's own cache of answers and archives, shared with it. */
  readonly cacheDirectory: string;
}

const SETTINGS_MS = 120_000;
const SETTINGS_BYTES = 4 * 1024 * 1024;
const run = promisify(execFile);

/** Throws where npm is missing or its settings are unreadable: without them every answer would be a guess. */
export async function readNpmSettings(): Promise<NpmSettings> {
  const settings = await askNpm();
  const text = (name: string) => (typeof settings[name] === 'string' ? (settings[name] as string) : null);
  const cafile = text('cafile');
  const scopes = Object.entries(settings).flatMap(([name, value]) =>
    /^@[^:]+:registry$/.test(name) && typeof value === 'string' ? [[name.slice(0, -':registry'.length), value]] : [],
  );
  const ca = cafile === null ? settings.ca : await readFile(cafile, 'utf8');
  return {
    registry: text('registry') ?? '',
    scopes: Object.fromEntries(scopes),
    ca: splitCertificates(ca),
    strictSsl: settings['strict-ssl'] !== false,
    proxy: text('https-proxy') ?? text('proxy'),
    noProxy: text('noproxy') || null,
    cacheDirectory: text('cache') ?? '.npm',
  };
}

async function askNpm(): Promise<Record<string, unknown>> {
  const options = { timeout: SETTINGS_MS, maxBuffer: SETTINGS_BYTES };
  try {
    const { stdout } = await run('npm', ['config', 'list', '--json'], options);
    const settings: unknown = JSON.parse(stdout);
    if (typeof settings === 'object' && settings !== null) return settings as Record<string, unknown>;
    throw new Error('npm printed no object');
  } catch (cause) {
    throw new Error('the npm settings could not be read; "npm config list --json" must work here', { cause });
  }
}

function splitCertificates(ca: unknown): string[] {
  const pem = Array.isArray(ca) ? ca.join('\n') : typeof ca === 'string' ? ca : '';
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
