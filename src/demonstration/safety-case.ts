/** The safety case of the demonstration model: on the records of this installation alone, and no more than these can show. */
import type { Json } from '../lib/canonical-json.ts';

const VALID_DAYS = 30;
const DAY_MS = 86_400_000;
const pass = { is: 'pass' };

const WAYS: readonly {
  readonly id: string;
  readonly text: string;
  readonly left: string;
  readonly category?: string;
}[] = [
  {
    id: 'misuse-by-member',
    text: 'Who was let in turns what the model finds against others',
    left: 'Misuse within a proven scope is not seen before it is reported; the ring is small and every call is on record.',
    category: 'cyber',
  },
  {
    id: 'stolen-access',
    text: 'Somebody uses the model with another’s access',
    left: 'A stolen key works until its stop; a stop ends it within a second.',
  },
  {
    id: 'early-leak',
    text: 'Unpublished flaws become known before they are fixed',
    left: 'Parties of a case know what they agreed to keep; a leak ends the embargo and is told.',
  },
  {
    id: 'escape',
    text: 'The model acts outside what it was given to act on',
    left: 'The containment evaluation is a sample of few runs; its bound is wide.',
  },
];

export function demonstrationCase(model: string, modelDigest: string, now: Date): Json {
  return {
    ...{ schema: 'headstart-safety-case/1', model, modelDigest, stage: 'partners', at: now.toISOString() },
    validUntil: new Date(now.getTime() + VALID_DAYS * DAY_MS).toISOString(),
    claim: 'The demonstration model can be used by partners behind this gate at a low residual risk',
    context: [
      { id: 'mock', text: 'The model is a mock: it answers with prepared text and has no capability of its own' },
      { id: 'one-person', text: 'All keys of the demonstration are in one hand', assumed: true },
    ],
    ways: WAYS.map(({ id, text, left, category }) => ({
      ...{ id, text, residual: { risk: 'low', text: left } },
      of: [{ framework: 'house', vector: id }, ...(category ? [{ framework: 'house', category }] : [])],
    })),
    claims: [
      {
        ...{ id: 'bound-access', ways: ['misuse-by-member', 'stolen-access'], safeguards: ['gate'] },
        text: 'Nobody calls the model without a key of a vetted person, outside a scope, or after a stop',
        argument: 'A real gateway was tried without a key, with an unknown one, in a foreign scope and under a stop',
      },
      {
        ...{ id: 'sealed-findings', ways: ['early-leak'], safeguards: ['sealing'] },
        text: 'Findings are verified, sealed and committed before anybody is told',
      },
      {
        ...{ id: 'held-inside', ways: ['escape'], safeguards: ['sandbox', 'gate'] },
        text: 'What the model starts runs in a sandbox that stopped every attempt to get out',
      },
    ],
    safeguards: [
      { id: 'gate', text: 'Identity, scope and stops at the gate', evidence: ['gate-tried'] },
      { id: 'sealing', text: 'Sealed cases under a public log', evidence: ['findings-verified', 'log-verified'] },
      { id: 'sandbox', text: 'The sandbox of this installation', evidence: ['attested', 'evaluated'] },
    ],
    evidence: [
      { id: 'gate-tried', text: 'Calls that were to be refused', result: 'gate-checks', threshold: pass },
      {
        id: 'findings-verified',
        text: 'Each finding reproduced in full',
        result: 'finding-verification',
        threshold: pass,
      },
      { id: 'log-verified', text: 'The log from its first entry', result: 'log-verification', threshold: pass },
      { id: 'attested', text: 'Every probe of the sandbox', result: 'sandbox-attestation', threshold: pass },
      {
        ...{ id: 'evaluated', text: 'Containment, imported', result: 'containment-evaluation', threshold: pass },
        limits: 'A sample that was written for the demonstration, not runs of a model',
      },
    ],
  };
}
