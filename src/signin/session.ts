/** How long a sign-in lasts and what it is good for. */

/** A session ends this long after the sign-in, whatever happens in it. */
export const SESSION_HOURS = 12;
/** And this long after the last request. */
export const IDLE_MINUTES = 30;
/** Between two writes of `seenAt`. */
export const SEEN_EVERY_MS = 60_000;

export type SignInMethod = 'passkey' | 'provider';

export interface Session {
  readonly person: string;
  readonly method: SignInMethod;
  /** Cannot be taken over by a look-alike page: a passkey, or a provider that says or attests the same. */
  readonly isResistant: boolean;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly endedAt: Date | undefined;
}

export type Assurance = Pick<Session, 'isResistant'>;

export function isAlive({ createdAt, seenAt, endedAt }: Session, now: Date): boolean {
  const age = now.getTime() - createdAt.getTime();
  const idle = now.getTime() - seenAt.getTime();
  return endedAt === undefined && age >= 0 && age < SESSION_HOURS * 3_600_000 && idle < IDLE_MINUTES * 60_000;
}

/** Tiers by which a sign-in that phishing cannot take over is asked of every person. */
const RESISTANT_TIERS: ReadonlySet<string> = new Set(['internal', 'partner', 'trusted']);
const OPEN_TIERS: ReadonlySet<string> = new Set(['limited', 'general']);

/** An unknown tier asks for the strongest. */
export function needsResistance(tier: string): boolean {
  return RESISTANT_TIERS.has(tier) || !OPEN_TIERS.has(tier);
}

/** RFC 8176 names for proof of possession of a key, and the values in use for FIDO. */
const RESISTANT_AMR = new Set(['hwk', 'swk', 'fido', 'phr', 'phrh']);
/** OpenID Connect EAP ACR values: phishing-resistant, and the same in hardware. */
const RESISTANT_ACR = new Set(['phr', 'phrh']);

/** What the claims of an ID token say about how the person signed in there. */
export function saysResistant(claims: { readonly amr?: unknown; readonly acr?: unknown }): boolean {
  const methods = Array.isArray(claims.amr) ? claims.amr : [];
  return (
    (typeof claims.acr === 'string' && RESISTANT_ACR.has(claims.acr)) ||
    methods.some((method) => typeof method === 'string' && RESISTANT_AMR.has(method))
  );
}
