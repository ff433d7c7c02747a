/**
 * Every reason for which the gateway itself says no, and how each protocol's clients see it. `code` is stable: clients may
 * branch on it. Texts never repeat what the caller sent, and say nothing of models, persons or organisations of others.
 */
export type Refusal =
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'proof-required'; readonly detail: string }
  | { readonly kind: 'model-not-found' }
  | { readonly kind: 'wrong-protocol'; readonly path: string }
  | { readonly kind: 'no-such-route' }
  | { readonly kind: 'receipt-not-found' }
  | { readonly kind: 'stopped'; readonly stop: string }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'invalid-access-program'; readonly unlocked: readonly string[] }
  | { readonly kind: 'scope-required'; readonly scopes: readonly string[] }
  | { readonly kind: 'scope-unknown' }
  | { readonly kind: 'guarded'; readonly rule: string; readonly reason: string }
  | { readonly kind: 'invalid-request'; readonly detail: string }
  | { readonly kind: 'too-large'; readonly limitBytes: number }
  | { readonly kind: 'too-slow' }
  | { readonly kind: 'rate-limited'; readonly limit: string; readonly retryAfterSeconds: number }
  | {
      readonly kind: 'over-budget';
      readonly limit: string;
      readonly neededMicro: number;
      readonly availableMicro: number;
    }
  | { readonly kind: 'unavailable'; readonly detail: string }
  | { readonly kind: 'draining' }
  | { readonly kind: 'upstream-unreachable' }
  | { readonly kind: 'upstream-timeout' }
  | { readonly kind: 'upstream-broken' }
  | { readonly kind: 'call-too-long'; readonly limitMs: number }
  | { readonly kind: 'upstream-refused-us' }
  | { readonly kind: 'answer-too-large'; readonly limitBytes: number };

export interface Wire {
  readonly status: number;
  /** The same for both protocols. */
  readonly code: string;
  readonly message: string;
  /** The same request may succeed later without anyone doing anything. */
  readonly retry: boolean;
}

const micro = (amount: number): string => `$${(amount / 1e6).toFixed(6)}`;

export function toWire(refusal: Refusal): Wire {
  switch (refusal.kind) {
    case 'unauthenticated':
      return no(401, 'invalid_key', 'The API key is missing, unknown, expired or revoked.');
    case 'proof-required':
      return no(401, 'proof_required', `This key works only with a proof of possession (DPoP): ${refusal.detail}.`);
    case 'model-not-found':
      return no(404, 'model_not_found', 'There is no such model, or it is not granted to this key.');
    case 'wrong-protocol':
      return no(400, 'wrong_protocol', `This model is served at ${refusal.path}.`);
    case 'no-such-route':
      return no(404, 'no_such_route', 'There is no such route here.');
    case 'receipt-not-found':
      return no(404, 'receipt_not_found', 'There is no such receipt of this organisation, or the call has not ended.');
    case 'stopped':
      return no(403, 'stopped', `A stop is in force (${refusal.stop}). Ask the operator; a retry does not help.`);
    case 'revoked':
      return no(403, 'revoked', 'The key or the grant of this call was revoked or has ended.');
    case 'invalid-access-program': {
      const levels = refusal.unlocked.join(', ') || 'none';
      return no(
        400,
        'invalid_access_program',
        `That level of access_programs is not open to this tier; open: ${levels}.`,
      );
    }
    case 'scope-required': {
      const names = refusal.scopes.join(', ');
      return no(400, 'scope_required', `Name one scope in the header headstart-scope: ${names}.`);
    }
    case 'scope-unknown':
      return no(403, 'scope_unknown', 'The scope in headstart-scope is not one of this organisation, or has expired.');
    case 'guarded':
      return no(403, 'guarded', `Refused by the rule ${refusal.rule}: ${refusal.reason}.`);
    case 'invalid-request':
      return no(400, 'invalid_request', `${refusal.detail}.`);
    case 'too-large':
      return no(413, 'request_too_large', `The request is larger than ${refusal.limitBytes} bytes.`);
    case 'too-slow':
      return no(408, 'request_timeout', 'The request did not arrive in time.');
    case 'rate-limited': {
      const { limit, retryAfterSeconds } = refusal;
      return later(429, 'rate_limited', `Too many requests for this ${limit}; try again in ${retryAfterSeconds} s.`);
    }
    case 'over-budget': {
      const { limit, neededMicro, availableMicro } = refusal;
      const left = `up to ${micro(neededMicro)} could be needed, ${micro(availableMicro)} is left`;
      return no(402, 'over_budget', `The credit of this ${limit} does not cover the call: ${left}.`);
    }
    case 'unavailable':
      return later(503, 'unavailable', `The gateway cannot decide now: ${refusal.detail}.`);
    case 'draining':
      return later(503, 'draining', 'This gateway is stopping; another one answers.');
    case 'upstream-unreachable':
      return later(502, 'upstream_unreachable', 'The model could not be reached; nothing was charged.');
    case 'upstream-timeout':
      return later(504, 'upstream_timeout', 'The model did not answer in time.');
    case 'call-too-long':
      return no(504, 'call_too_long', `A call lasts ${refusal.limitMs / 60_000} minutes at most; this one was ended.`);
    case 'upstream-broken':
      return no(502, 'upstream_broken', 'The answer of the model broke off or could not be read.');
    case 'upstream-refused-us':
      return no(502, 'upstream_refused_us', "The provider refused this gateway's own key; tell the operator.");
    case 'answer-too-large':
      return no(502, 'answer_too_large', `The answer is larger than ${refusal.limitBytes} bytes.`);
  }
}

const no = (status: number, code: string, message: string): Wire => ({ status, code, message, retry: false });
const later = (status: number, code: string, message: string): Wire => ({ status, code, message, retry: true });
