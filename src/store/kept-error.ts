/**
 * What is kept of an error that ended a job: in the clear only its kind, from a closed list; its first line sealed,
 * because it may quote what is sealed elsewhere. Stacks and causes are not kept.
 */
import type { Vault } from './vault.ts';

const USE = 'store/job-errors';
const REASON_LIMIT = 500;
const KINDS: ReadonlySet<string> = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'AbortError',
  'AssertionError',
  'StaleWrite',
  'StoreError',
  'SealError',
  'KeyShredded',
  'SandboxRefused',
]);
const KEPT = /^([A-Za-z]+) sealed:([A-Za-z0-9+/=]+)$/;

export function toKeptText(vault: Pick<Vault, 'sealUnder'>, jobId: string, error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const line = (text.split('\n')[0] ?? '').slice(0, REASON_LIMIT);
  const kind = error instanceof Error && KINDS.has(error.name) ? error.name : 'Error';
  return `${kind} sealed:${vault.sealUnder(USE, Buffer.from(line), `job ${jobId}`).toString('base64')}`;
}

/** What may be shown to anybody. */
export function kindOfKept(kept: string): string {
  return KEPT.exec(kept)?.[1] ?? kept;
}

/** The whole line, for the operator who asks for it. */
export function openKept(vault: Pick<Vault, 'openUnder'>, jobId: string, kept: string): string {
  const sealed = KEPT.exec(kept)?.[2];
  return sealed ? vault.openUnder(USE, Buffer.from(sealed, 'base64'), `job ${jobId}`).toString() : kept;
}
