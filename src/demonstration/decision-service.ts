/**
 * Decisions on the demonstration model: keys made for this run alone, evidence signed by them, the house's framework adopted
 * by them, stages opened by them. All of them are in one hand, and every name says so; they are thrown away at the end.
 */
import { toBase64 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import { type Ed25519Signer, generateEd25519Pem, readEd25519Pem } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import {
  type Decision,
  type DecisionDocuments,
  documentBytes,
  documentHash,
  evaluate,
  type ReleaseStage,
  SAFETY_CASE,
  shippedDocuments,
  shippedFrameworks,
  signAdoption,
  signDecision,
  signStatement,
} from '../policy/index.ts';
import type { Adoptions, EvidenceFiles, Release, StageOf } from '../release/index.ts';
import type { EvidenceResult } from './evidence.ts';
import { DEMONSTRATION_MODEL, modelDigest } from './provider-service.ts';
import { settle } from './settle.ts';

export interface DeciderParts {
  readonly clock: Clock;
  readonly release: Pick<Release, 'record' | 'enact'>;
  readonly adoptions: Pick<Adoptions, 'adopt'>;
  readonly evidence: Pick<EvidenceFiles, 'put'>;
}

export interface Opened {
  readonly decision: Decision;
  readonly sha256: string;
  readonly stage: StageOf;
}

type Claim = { readonly [name: string]: Json };
type Kind = Parameters<typeof signStatement>[0];

const FRAMEWORK = 'house';
const ONE_PERSON = 'demonstration key, one person';
/** Judged too, and told; each asks for reports that nobody has written of a mock. */
const OTHERS = ['anthropic-rsp', 'openai-preparedness', 'google-fsf'];

export type Decider = ReturnType<typeof createDecider>;

export function createDecider({ clock, release, adoptions, evidence }: DeciderParts) {
  const newSigner = () => readEd25519Pem(generateEd25519Pem());
  const [states, lead, officer] = [newSigner(), newSigner(), newSigner()];
  const trust = trustIn(states, lead, officer);
  const documents = new Map<string, Uint8Array>();
  const keep = (bytes: Uint8Array): string => {
    const name = `sha256:${sha256Hex(bytes)}`;
    documents.set(name, bytes);
    return name;
  };
  const statements: string[] = [];
  const modelOf = { model: DEMONSTRATION_MODEL, modelDigest: modelDigest() };
  let act = '';
  const state = (kind: Kind, claim: Claim): void => {
    const dated = { ...claim, at: clock.now().toISOString() };
    statements.push(keep(signStatement(kind, dated, states)));
  };
  const dossierFor = (stage: ReleaseStage, frameworks: readonly string[]): DecisionDocuments => ({
    frameworks: frameworks.map((id) => shippedDocuments.get(id) ?? null),
    dossier: {
      ...modelOf,
      ...{ asOf: clock.now().toISOString(), stage, demonstration: true },
      ...{
        statements: [...statements],
        trust: documentHash(trust),
        adoptions: frameworks.includes(FRAMEWORK) ? [act] : [],
      },
    },
    trust,
    find: (hash) => documents.get(hash),
  });
  return {
    /** The house's framework takes effect, by the keys of this run. */
    async adopt(): Promise<void> {
      const framework = shippedFrameworks().get(FRAMEWORK);
      if (!framework) throw new Error(`the framework ${FRAMEWORK} is not shipped`);
      const bytes = signAdoption(framework, clock.now(), [lead, officer]);
      act = keep(bytes);
      settle(await adoptions.adopt({ framework: shippedDocuments.get(FRAMEWORK) ?? null, trust, act: bytes }));
    },

    /** Keeps what each rests on; gives the digests by name. */
    async stateResults(results: readonly EvidenceResult[]): Promise<ReadonlyMap<string, string>> {
      const digests = new Map<string, string>();
      for (const { name, value, nature, document, coverage } of results) {
        const digest = await evidence.put(Buffer.from(canonicalJson(document)));
        digests.set(name, digest);
        state('results', { name, value, digest, nature, coverage, modelDigest: modelOf.modelDigest });
      }
      return digests;
    },
    state,

    /** The safety case, and that it is stood for. */
    async stateCase(document: Json): Promise<void> {
      const bytes = documentBytes(document);
      keep(bytes);
      const digest = await evidence.put(bytes);
      const claim = { name: SAFETY_CASE, value: 'pass', digest, nature: 'simulated', modelDigest: modelOf.modelDigest };
      state('results', claim);
    },

    /** Throws where it is not granted or a signature is missing. */
    async open(stage: ReleaseStage): Promise<Opened> {
      const asked = dossierFor(stage, [FRAMEWORK]);
      const decision = settle(evaluate(asked));
      if (!decision.granted) throw new Error(`${stage} is not granted: ${whyNot(decision)}`);
      const { sha256 } = settle(await release.record(asked));
      return { decision, sha256, stage: settle(await release.enact(asked, signDecision(decision, [lead, officer]))) };
    },

    /** What other frameworks would say of the same evidence, adopted or not. */
    askOthers(stage: ReleaseStage): { readonly asked: readonly string[]; readonly missing: number } {
      const decision = settle(evaluate(dossierFor(stage, OTHERS)));
      const missing = decision.missing.filter(({ what }) => what !== 'adoption').length;
      return { asked: OTHERS, missing: missing + decision.ambiguities.length };
    },
  };
}

function trustIn(states: Ed25519Signer, lead: Ed25519Signer, officer: Ed25519Signer): Json {
  const signer = (name: string, { publicKey }: Ed25519Signer, kinds: readonly string[], bodies: readonly string[]) => ({
    ...{ name: `${name} (${ONE_PERSON})`, key: toBase64(publicKey), states: kinds, bodies },
  });
  return {
    schema: 'headstart-trust/1',
    signers: [
      signer('this installation', states, ['results', 'determinations', 'safeguards', 'metrics'], []),
      signer('safeguards lead', lead, [], [`${FRAMEWORK}/safeguards lead`]),
      signer('release officer', officer, [], [`${FRAMEWORK}/release officer`]),
    ],
  };
}

function whyNot({ refused, missing }: Decision): string {
  const reasons = [
    ...refused.map(({ place, why }) => `${place}: ${why}`),
    ...missing.map(({ id, why }) => `${id}: ${why}`),
  ];
  return reasons.slice(0, TOLD_REASONS).join('; ');
}

const TOLD_REASONS = 5;
