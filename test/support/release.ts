/** Signed evidence and keys for decisions on the house's own framework. */
import { toBase64 } from '../../src/lib/bytes.ts';
import type { Json } from '../../src/lib/canonical-json.ts';
import { type Ed25519Signer, generateEd25519Pem, readEd25519Pem } from '../../src/lib/ed25519.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { type DecisionDocuments, documentHash, shippedDocuments, signStatement } from '../../src/policy/index.ts';

const newSigner = (): Ed25519Signer => readEd25519Pem(generateEd25519Pem());

export const SIGNERS = { tester: newSigner(), lead: newSigner(), officer: newSigner(), board: newSigner() };

const trusted = (name: keyof typeof SIGNERS, states: readonly string[], bodies: readonly string[]): Json => ({
  name,
  key: toBase64(SIGNERS[name].publicKey),
  states,
  bodies,
});

export const TRUST: Json = {
  schema: 'headstart-trust/1',
  signers: [
    trusted('tester', ['results', 'determinations', 'safeguards', 'metrics'], []),
    trusted('lead', ['interpretations'], ['house/safeguards lead']),
    trusted('officer', [], ['house/release officer']),
    trusted('board', ['orders'], ['house/board']),
  ],
};

const hashOf = (text: string): string => `sha256:${sha256Hex(text)}`;

export interface Asked {
  readonly model: string;
  readonly modelDigest: string;
  readonly asOf: string;
  readonly stage: string;
  readonly demonstration?: boolean;
}

/** Everything that the house asks for at `trusted`, signed; `change` alters claims before they are signed. */
export function houseDocuments(
  asked: Asked,
  change: (claims: [string, { [name: string]: Json }][]) => void = () => {},
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
  const known = new Map(statements.map((bytes) => [`sha256:${sha256Hex(bytes)}`, bytes]));
  return {
    frameworks: [shippedDocuments.get('house') ?? null],
    dossier: { ...asked, statements: [...known.keys()], trust: documentHash(TRUST) },
    trust: TRUST,
    find: (hash) => known.get(hash),
  };
}
