/** The whole configuration, read once at start. No other file may look at the environment. */
import { resolve } from 'node:path';
import { type GithubSettings, readAddress, type SmtpSettings, type VinceSettings } from './contact/index.ts';
import { CLOCK_POLICIES, isPolicyName, type PolicyName } from './disclosure/index.ts';
import type { AdvisoryPublisher } from './formats/advisory-record.ts';
import { type InboundSettings, readInbound } from './inbound-config.ts';

import { isTimeZone } from './lib/local-time.ts';
import { isMailAddress } from './lib/mail-address.ts';
import { type Secret, toSecret } from './lib/secret.ts';

export interface Config {
  /** The data directory. */
  readonly home: string;
  /** An outside Postgres (>= 15); the embedded one where absent. */
  readonly databaseUrl: string | undefined;
  /** A directory with the system's own `postgres` and `initdb`; the packaged ones where absent. */
  readonly postgresPrograms: string | undefined;
  /** Of the two release keys for real cases; derived from the master key where absent. */
  readonly releasePassphrases: readonly [string, string] | undefined;
  /** Origins with addresses that are not public, to which requests may go all the same: the operator named them. */
  readonly allowedOrigins: readonly string[];
  /** How long what was asked of a model is kept, encrypted. */
  readonly promptDays: number;
  /** How long journals are kept after their last record. */
  readonly journalDays: number;
  /** The secret in a variable that a stored setting names: a provider's client secret, a model's key. Never one of ours. */
  readonly findSecret: (variable: string) => Secret | undefined;
  /** How browsers reach the pages (`https://console.example.org`); loopback where absent. Passkeys are bound to its host. */
  readonly origin: string | undefined;
  /** How callers reach the gateway (`https://gate.example.org`); where it listens where absent. Proofs name it. */
  readonly gatewayOrigin: string | undefined;
  /** That new cases come under. */
  readonly policy: PolicyName;
  /** Of working days, as the IANA database names it. */
  readonly timeZone: string;
  /** Days off in that zone: `2026-12-25`. */
  readonly holidays: readonly string[];
  /** Never call apt, not even as root. */
  readonly noApt: boolean;
  /** Who coordinates and publishes, as documents and reports name it. */
  readonly publisher: AdvisoryPublisher | undefined;
  /** The address that reports come from and are answered to. */
  readonly mailFrom: string | undefined;
  /** How reports of real cases leave; where absent they stay in the outbox. Never without `publisher` and `mailFrom`. */
  readonly smtp: SmtpSettings | undefined;
  /** Ways out beside mail, each absent until it is configured. Never without `publisher` and `mailFrom`. */
  readonly channels: Channels;
  /** Who is asked when maintainers stay silent: `vince` (CERT/CC), a mail address or a webhook; nobody where absent. */
  readonly coordinator: string | undefined;
  /** A Maildir with the answers to `mailFrom`; they are given to `mail receive` by hand where absent. */
  readonly maildir: string | undefined;
  /** The SMTP server that reports and answers come in by; none where absent. */
  readonly inbound: InboundSettings | undefined;
  /** Files with the keys that reports are encrypted to. */
  readonly identities: readonly string[];
  /** Where spans go (OTLP over HTTP), without `/v1/traces`; nowhere where absent. */
  readonly otlpEndpoint: string | undefined;
}

export interface Channels {
  readonly github?: GithubSettings;
  readonly vince?: VinceSettings;
  /** Signs what is sent to webhooks. */
  readonly webhook?: { readonly secret: Secret };
}

/** Secrets of this program that no model may name as its key. */
const OWN_VARIABLE = /^(HEADSTART_|DATABASE_URL$|PG)/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Days. */
const DEFAULT_PROMPT_DAYS = 30;
const DEFAULT_JOURNAL_DAYS = 400;
const MAX_DAYS = 3_650;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Throws one ConfigError naming every variable that is wrong, so that a deployment fails once and not five times. */
export function readConfig(env: Environment): Config {
  const wrong: string[] = [];
  const databaseUrl = env.DATABASE_URL || undefined;
  if (databaseUrl && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    wrong.push('DATABASE_URL is not a postgres:// address');
  }
  const first = env.HEADSTART_RELEASE_PASSPHRASE_A;
  const second = env.HEADSTART_RELEASE_PASSPHRASE_B;
  if (Boolean(first) !== Boolean(second)) {
    wrong.push('HEADSTART_RELEASE_PASSPHRASE_A and HEADSTART_RELEASE_PASSPHRASE_B are set together or not at all');
  }
  const allowedOrigins = (env.HEADSTART_ALLOWED_ORIGINS ?? '').split(/[\s,]+/).filter(Boolean);
  for (const text of allowedOrigins) {
    if (!/^https?:\/\/[^/]+\/?$/.test(text) || !URL.canParse(text)) {
      wrong.push(`HEADSTART_ALLOWED_ORIGINS: ${text} is not like https://host:port`);
    }
  }
  const origin = readOrigin(env, 'HEADSTART_ORIGIN', 'https://console.example.org', wrong);
  const gatewayOrigin = readOrigin(env, 'HEADSTART_GATEWAY_ORIGIN', 'https://gate.example.org', wrong);
  const otlpEndpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
  if (otlpEndpoint && !/^https?:\/\//.test(otlpEndpoint)) {
    wrong.push('OTEL_EXPORTER_OTLP_ENDPOINT is not an http:// or https:// address');
  }
  const promptDays = readDays(env, 'HEADSTART_PROMPT_DAYS', DEFAULT_PROMPT_DAYS, wrong);
  const journalDays = readDays(env, 'HEADSTART_JOURNAL_DAYS', DEFAULT_JOURNAL_DAYS, wrong);
  const policy = env.HEADSTART_DISCLOSURE_POLICY || 'anthropic-2026';
  if (!isPolicyName(policy)) {
    wrong.push(`HEADSTART_DISCLOSURE_POLICY is none of ${Object.keys(CLOCK_POLICIES).join(', ')}`);
  }
  const identity = readIdentity(env, wrong);
  const calendar = readCalendar(env, wrong);
  const channels = readChannels(env, wrong);
  const inbound = readInbound(env, wrong);
  const coordinator = readCoordinator(env, channels, wrong);
  if (wrong.length > 0) throw new ConfigError(`Configuration: ${wrong.join('; ')}`);
  return {
    home: resolve(env.HEADSTART_HOME ?? '.headstart'),
    databaseUrl,
    postgresPrograms: env.PG_BIN || undefined,
    releasePassphrases: first && second ? [first, second] : undefined,
    allowedOrigins,
    origin,
    gatewayOrigin,
    promptDays,
    policy: isPolicyName(policy) ? policy : 'anthropic-2026',
    journalDays,
    findSecret: createSecretFinder(env),
    ...calendar,
    noApt: env.HEADSTART_NO_APT === '1',
    otlpEndpoint,
    channels,
    ...inbound,
    coordinator,
    maildir: env.HEADSTART_MAILDIR ? resolve(env.HEADSTART_MAILDIR) : undefined,
    ...identity,
  };
}

/** Asked on every call of a model, and the environment of a process is slow to read. */
function createSecretFinder(env: Environment): Config['findSecret'] {
  const found = new Map<string, Secret | undefined>();
  return (variable) => {
    if (found.has(variable)) return found.get(variable);
    const value = OWN_VARIABLE.test(variable) ? undefined : env[variable];
    const secret = value ? toSecret(value) : undefined;
    found.set(variable, secret);
    return secret;
  };
}

function readDays(env: Environment, name: string, otherwise: number, wrong: string[]): number {
  const days = Number(env[name] || otherwise);
  if (!Number.isSafeInteger(days) || days < 1 || days > MAX_DAYS) {
    wrong.push(`${name} is not a number from 1 to ${MAX_DAYS}`);
  }
  return days;
}

function readOrigin(env: Environment, name: string, example: string, wrong: string[]): string | undefined {
  const origin = env[name] || undefined;
  if (origin && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
    wrong.push(`${name} is not like ${example}, without a path`);
  }
  return origin;
}

function readCalendar(env: Environment, wrong: string[]): Pick<Config, 'timeZone' | 'holidays'> {
  const timeZone = env.HEADSTART_TIME_ZONE || 'UTC';
  if (!isTimeZone(timeZone)) wrong.push('HEADSTART_TIME_ZONE is no time zone, such as Europe/Brussels');
  const holidays = (env.HEADSTART_HOLIDAYS ?? '').split(/[\s,]+/).filter(Boolean);
  if (!holidays.every((day) => /^\d{4}-\d{2}-\d{2}$/.test(day))) {
    wrong.push('HEADSTART_HOLIDAYS is not a list of days such as 2026-12-25');
  }
  return { timeZone, holidays };
}

/** Who we are to others, and how reports reach them. */
function readIdentity(env: Environment, wrong: string[]): Pick<Config, 'publisher' | 'mailFrom' | 'smtp'> {
  const publisher = readPublisher(env, wrong);
  const mailFrom = env.HEADSTART_MAIL_FROM || undefined;
  if (mailFrom && !isMailAddress(mailFrom)) wrong.push('HEADSTART_MAIL_FROM is not one bare mail address');
  const url = env.HEADSTART_SMTP_URL || undefined;
  const smtp = url === undefined ? undefined : readSmtpUrl(url);
  // Its value is never repeated: it holds a password.
  if (url && !smtp) wrong.push('HEADSTART_SMTP_URL is not smtp://user:password@host:port or smtps://…');
  if (url && !mailFrom) wrong.push('HEADSTART_MAIL_FROM is needed by HEADSTART_SMTP_URL: a report must be answerable');
  if (url && !env.HEADSTART_PUBLISHER_NAME) {
    wrong.push('HEADSTART_PUBLISHER_NAME is needed by HEADSTART_SMTP_URL: a report says who sends it');
  }
  return { publisher, mailFrom, smtp };
}

const GITHUB_API = 'https://api.github.com';
const VINCE_URL = 'https://kb.cert.org/vince/comm';
/** Characters: a secret that can be guessed signs nothing. */
const MIN_SECRET = 16;

/** A value is never repeated in what is said of it: it is a secret. */
function readChannels(env: Environment, wrong: string[]): Channels {
  const given = ['HEADSTART_GITHUB_TOKEN', 'HEADSTART_VINCE_TOKEN', 'HEADSTART_WEBHOOK_SECRET'].filter(
    (name) => env[name],
  );
  for (const name of given) {
    if (!env.HEADSTART_MAIL_FROM) wrong.push(`HEADSTART_MAIL_FROM is needed by ${name}: a report must be answerable`);
    if (!env.HEADSTART_PUBLISHER_NAME)
      wrong.push(`HEADSTART_PUBLISHER_NAME is needed by ${name}: a report says who sends it`);
    if (/[^\x21-\x7e]/.test(env[name] ?? '')) wrong.push(`${name} holds a space or a character that no token has`);
  }
  const { HEADSTART_GITHUB_TOKEN: github, HEADSTART_VINCE_TOKEN: vince, HEADSTART_WEBHOOK_SECRET: webhook } = env;
  if (webhook && webhook.length < MIN_SECRET)
    wrong.push(`HEADSTART_WEBHOOK_SECRET is shorter than ${MIN_SECRET} characters`);
  const apiUrl = readServer(env, 'HEADSTART_GITHUB_API', GITHUB_API, wrong);
  const url = readServer(env, 'HEADSTART_VINCE_URL', VINCE_URL, wrong);
  return {
    ...(github && { github: { token: toSecret(github), apiUrl } }),
    ...(vince && { vince: { token: toSecret(vince), url } }),
    ...(webhook && { webhook: { secret: toSecret(webhook) } }),
  };
}

/** By the channel's own word or an address; never where everybody reads. */
function readCoordinator(env: Environment, { vince }: Channels, wrong: string[]): string | undefined {
  const text = env.HEADSTART_COORDINATOR || undefined;
  if (text === undefined) return undefined;
  if (text === 'vince') {
    if (!vince) wrong.push('HEADSTART_COORDINATOR is vince and HEADSTART_VINCE_TOKEN is not set');
  } else if (!['smtp', 'webhook'].includes(readAddress(text)?.channel ?? '')) {
    wrong.push('HEADSTART_COORDINATOR is neither vince nor a mail address nor webhook:https://…');
  }
  return text;
}

/** Without a slash at its end. A token goes in the clear to no other machine. */
function readServer(env: Environment, name: string, otherwise: string, wrong: string[]): string {
  const text = (env[name] || otherwise).replace(/\/+$/, '');
  const isLocal = /^http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/.test(text) && URL.canParse(text);
  if (!isHttpsAddress(text) && !isLocal) wrong.push(`${name} is not an https:// address`);
  return text;
}

const PUBLISHER = {
  HEADSTART_PUBLISHER_NAME: {
    isValid: (text: string) => /^(?!\s)[^\p{Cc}]{1,200}(?<!\s)$/u.test(text),
    expected: 'a name of at most 200 printable characters',
  },
  HEADSTART_PUBLISHER_NAMESPACE: { isValid: isHttpsAddress, expected: 'an https:// address under your control' },
  HEADSTART_PUBLISHER_CONTACT: {
    isValid: (text: string) =>
      text.startsWith('mailto:') ? isMailAddress(text.slice('mailto:'.length)) : isHttpsAddress(text),
    expected: 'a mailto: or https:// address',
  },
} as const;

function readPublisher(env: Environment, wrong: string[]): AdvisoryPublisher | undefined {
  const names = Object.keys(PUBLISHER) as (keyof typeof PUBLISHER)[];
  const given = names.filter((name) => env[name]);
  if (given.length === 0) return undefined;
  for (const name of names) {
    const { isValid, expected } = PUBLISHER[name];
    const value = env[name];
    if (!value) wrong.push(`${name} is missing: the publisher is set whole or not at all`);
    else if (!isValid(value)) wrong.push(`${name} is not ${expected}`);
  }
  return {
    name: env.HEADSTART_PUBLISHER_NAME ?? '',
    namespace: env.HEADSTART_PUBLISHER_NAMESPACE ?? '',
    contact: env.HEADSTART_PUBLISHER_CONTACT ?? '',
  };
}

function isHttpsAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' && !url.username && !url.password && !/\s/.test(text);
}

/** Submission (RFC 6409) and submission over TLS (RFC 8314). */
const DEFAULT_PORTS = new Map([
  ['smtp:', 587],
  ['smtps:', 465],
]);

function readSmtpUrl(text: string): SmtpSettings | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const defaultPort = url && DEFAULT_PORTS.get(url.protocol);
  if (!url?.hostname || !defaultPort || url.search || url.hash || !['', '/'].includes(url.pathname)) return undefined;
  if (Boolean(url.username) !== Boolean(url.password)) return undefined;
  const server = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    secure: url.protocol === 'smtps:',
  };
  if (server.port === 0) return undefined;
  if (!url.username) return server;
  try {
    const password = toSecret(decodeURIComponent(url.password));
    return { ...server, login: { user: decodeURIComponent(url.username), password } };
  } catch {
    return undefined;
  }
}
