/** How the Messages API says no. */
import { type Refusal, toWire } from './refusal.ts';

export function toErrorBody(refusal: Refusal): string {
  const { code, message } = toWire(refusal);
  return JSON.stringify({ type: 'error', error: { type: ERROR_TYPES[refusal.kind], message, code } });
}

const ERROR_TYPES: Readonly<Record<Refusal['kind'], string>> = {
  unauthenticated: 'authentication_error',
  'proof-required': 'authentication_error',
  'model-not-found': 'not_found_error',
  'wrong-protocol': 'invalid_request_error',
  'no-such-route': 'not_found_error',
  'receipt-not-found': 'not_found_error',
  stopped: 'permission_error',
  revoked: 'permission_error',
  'invalid-access-program': 'invalid_request_error',
  'scope-required': 'invalid_request_error',
  'scope-unknown': 'permission_error',
  guarded: 'permission_error',
  'invalid-request': 'invalid_request_error',
  'too-large': 'request_too_large',
  'too-slow': 'timeout_error',
  'rate-limited': 'rate_limit_error',
  'over-budget': 'billing_error',
  unavailable: 'overloaded_error',
  draining: 'overloaded_error',
  'upstream-unreachable': 'api_error',
  'upstream-timeout': 'timeout_error',
  'call-too-long': 'timeout_error',
  'upstream-broken': 'api_error',
  'upstream-refused-us': 'api_error',
  'answer-too-large': 'api_error',
};
