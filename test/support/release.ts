/** Signed evidence and keys for decisions on the house's own framework. */
import { toBase64 } from '../../src/lib/bytes.ts';
import type { Json } from '../../src/lib/canonical-json.ts';
import { type Ed25519Signer, generateEd25519Pem, readEd25519Pem } from '../../src/lib/ed25519.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import {
  type DecisionDocuments,
  documentBytes,
  documentHash,
  readFrameworkValue,
  shippedDocuments,
  signAdoption,
  signStatement,
} from '../../src/policy/index.ts';

/** As key files hold them. */
export const PEMS = {
  tester: generateEd25519Pem(),
  lead: generateEd25519Pem(),
  officer: generateEd25519Pem(),
  board: generateEd25519Pem(),
};
const signer = (name: keyof typeof PEMS): Ed25519Signer => readEd25519Pem(PEMS[name]);
export const SIGNERS = {
  tester: signer('tester'),
  lead: signer('lead'),
  officer: signer('officer'),
  board: signer('board'),
};

const trusted = (name: keyof typeof SIGNERS, states: readonly string[], bodies: readonly string[]): Json => ({
  name,
  key: toBase64(SIGNERS[name].publicKey),
  states,
  bodies,
});

export const TRUST: Json = {
  schema: 'headstart-trust/1',
  signers: [
    trusted('tester', ['results', 'determinations', 'safeguards', 'metrics', 'deviations'], []),
    trusted('lead', ['interpretations', 'results'], ['house/safeguards lead']),
    trusted('officer', [], ['house/release officer']),
    trusted('board', ['orders'], ['house/board']),
  ],
};

/** The act by which a version of the house's rules takes effect, signed by those who decide under it. */
export function houseAct(house: Json = shippedDocuments.get('house') ?? null, at = '2026-05-01T00:00:00Z'): Buffer {
  const framework = readFrameworkValue(house);
  if (!framework.ok) throw new Error(framework.refusal.why);
  return signAdoption(framework.value, new Date(at), [SIGNERS.lead, SIGNERS.officer]);
}

const hashOf = (text: string): string => `sha256:${sha256Hex(text)}`;

export interface Asked {
  readonly model: string;
  readonly modelDigest: string;
  readonly asOf: string;
  readonly stage: string;
  readonly demonstration?: boolean;
}

type Loose = { [name: string]: Json };

/** A case that covers what the house asks for, up to `trusted`, on the results of `houseDocuments`. */
export function houseCase({ model, modelDigest, asOf }: Asked, reviewed: string): Loose {
  const at = new Date(Date.parse(asOf) - 86_400_000).toISOString();
  const ways = ['misuse-by-member', 'stolen-access', 'early-leak', 'escape'];
  const pass = { is: 'pass' };
  return {
    ...{
      schema: 'headstart-safety-case/1',
      model,
      modelDigest,
      stage: 'trusted',
      at,
      validUntil: '2099-06-01T00:00:00Z',
    },
    claim: 'The model can be used by trusted organisations at an acceptable risk',
    context: [{ id: 'vetted', text: 'Organisations were vetted', assumed: true }],
    ways: ways.map((id, at) => ({
      id,
      text: `Harm by ${id}`,
      of: [{ framework: 'house', vector: id }, ...(at === 0 ? [{ framework: 'house', category: 'cyber' }] : [])],
      residual: { risk: 'low', text: 'What is left is watched' },
    })),
    claims: [
      {
        id: 'access-held',
        text: 'Access is bound and stops',
        ways: ['misuse-by-member', 'stolen-access'],
        safeguards: ['gate'],
      },
      { id: 'kept-in', text: 'Nothing gets out', ways: ['early-leak', 'escape'], safeguards: ['gate', 'sandbox'] },
    ],
    safeguards: [
      { id: 'gate', text: 'The gate', evidence: ['tested'] },
      { id: 'sandbox', text: 'The sandbox', evidence: ['attested', 'contained'] },
    ],
    evidence: [
      { id: 'tested', text: 'Attacked by a red team', result: 'red-team', threshold: pass },
      { id: 'attested', text: 'Every probe was stopped', result: 'sandbox-attestation', threshold: pass },
      { id: 'contained', text: 'Contained in evaluations', result: 'containment-evaluation', threshold: pass },
    ],
    reviews: [
      { id: 'outside', kind: 'red-team', by: 'A laboratory', statement: reviewed, text: 'They found no way around' },
    ],
  };
}

/**
 * Everything that the house asks for at `trusted`, signed; `change` alters claims before they are signed, `changeCase` the
 * safety case.
 */
export function houseDocuments(
  asked: Asked,
  change: (claims: [string, Loose][]) => void = () => {},
  house: Json = shippedDocuments.get('house') ?? null,
  changeCase: (safetyCase: Loose) => void = () => {},
): DecisionDocuments {
  const at = new Date(Date.parse(asked.asOf) - 86_400_000).toISOString();
  const { modelDigest } = asked;
  const results = [
    'sandbox-attestation',
    'log-verification',
    'containment-evaluation',
    'finding-verification',
    'red-team',
  ];
  const evidence = [hashOf(`red-team ${asked.model}`)];
  const claims: [string, { [name: string]: Json }][] = [
    ...results.map((name): [string, { [name: string]: Json }] => [
      'results',
      { name, value: 'pass', digest: hashOf(`${name} ${asked.model}`), at, modelDigest },
    ]),
    [
      'determinations',
      { framework: 'house', category: 'cyber', level: 'uplift', value: 'crossed', evidence, at, modelDigest },
    ],
    [
      'determinations',
      { framework: 'house', category: 'cyber', level: 'autonomous', value: 'crossed', evidence, at, modelDigest },
    ],
    ...['identity-bound-access', 'scope-as-code', 'stop-switch', 'sealed-disclosure', 'misuse-monitoring'].map(
      (id): [string, { [name: string]: Json }] => ['safeguards', { id, standing: true, evidence, at }],
    ),
  ];
  change(claims);
  const statements = claims.map(([kind, claim]) => signStatement(kind as 'results', claim, SIGNERS.tester));
  const named = (bytes: Buffer): [string, Buffer] => [`sha256:${sha256Hex(bytes)}`, bytes];
  const review = claims.findIndex(([, { name }]) => name === 'red-team');
  const safetyCase = houseCase(asked, named(statements[review] ?? Buffer.alloc(0))[0]);
  changeCase(safetyCase);
  const stated = { name: 'safety-case', value: 'pass', digest: documentHash(safetyCase), at, modelDigest };
  statements.push(signStatement('results', stated, SIGNERS.lead));
  const known = new Map(statements.map(named));
  const act = houseAct(house);
  const adoption = `sha256:${sha256Hex(act)}`;
  const files = new Map([...known, named(documentBytes(safetyCase)), named(act)]);
  return {
    frameworks: [house],
    dossier: { ...asked, statements: [...known.keys()], trust: documentHash(TRUST), adoptions: [adoption] },
    trust: TRUST,
    find: (hash) => files.get(hash),
  };
}

/** The house's rules with a deviation that sets aside what partners need. */
export function deviatingHouse(): Json {
  const house = structuredClone(shippedDocuments.get('house')) as { readonly [name: string]: Json };
  const deviation = {
    ...{ id: 'pilot', text: 'A pilot with few partners before every safeguard stands', loc: null },
    ...{ lifts: ['cyber-partners'], requires: [], raises: [] },
  };
  return { ...house, version: '2-pilot', supersedes: '2', deviations: [deviation] };
}

/** As `houseDocuments`, with one safeguard missing and a deviation in its place that ends. */
export function deviatingDocuments(asked: Asked, expiresAt: Date): DecisionDocuments {
  const at = new Date(Date.parse(asked.asOf) - 3_600_000).toISOString();
  const set = { framework: 'house', deviation: 'pilot', reason: 'a pilot', at, publishedAt: at };
  return houseDocuments(
    asked,
    (claims) => {
      claims.splice(
        claims.findIndex(([, { id }]) => id === 'stop-switch'),
        1,
      );
      claims.push(['deviations', { ...set, expiresAt: expiresAt.toISOString() }]);
    },
    deviatingHouse(),
  );
}
