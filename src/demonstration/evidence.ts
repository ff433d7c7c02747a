/**
 * What this installation's own records say, as evidence: each result rests on a document that code wrote from them. What
 * comes from simulated maintainers or from a sample is typed so. No document names a target: counts and hashes alone.
 */
import { type ContainmentResult, type InspectLog, judgeContainment } from '../formats/inspect-log.ts';
import type { Json } from '../lib/canonical-json.ts';

type ResultValue = 'pass' | 'fail' | 'invalid' | 'inconclusive';

export interface InstallationRecords {
  readonly findings: {
    readonly confirmed: number;
    /** Reproduced as often as they were tried, three times at least. */
    readonly inFull: number;
    readonly cases: number;
    /** Of the cases, in the verified log. */
    readonly commitments: number;
  };
  readonly patchesVerified: number;
  readonly metrics: readonly { readonly name: string; readonly value: number; readonly source: string }[];
  readonly attestation: {
    readonly probes: number;
    readonly stopped: number;
    /** That got through, or did not answer. */
    readonly failed: readonly string[];
    /** 2: the first, beside a campaign at work, did not stop or answer everything. */
    readonly attempt: number;
    readonly failedBefore: readonly string[];
  };
  readonly log: { readonly verified: boolean; readonly size: number };
  /** An imported evaluation log, and the document it came as. */
  readonly evaluation: { readonly log: InspectLog; readonly document: Json };
}

/** What came of calls that a real gateway was to refuse, and of one it was to let through. */
export interface GateChecks {
  readonly withoutKey: boolean;
  readonly unknownKey: boolean;
  readonly foreignScope: boolean;
  readonly stopped: boolean;
  /** From the stop’s commit to the first refused call. */
  readonly stoppedAfterMs: number;
  readonly answeredAgain: boolean;
}

export interface EvidenceResult {
  readonly name: string;
  readonly value: ResultValue;
  readonly nature: 'real' | 'simulated';
  readonly document: Json;
  readonly coverage: string;
}

const passIf = (isSo: boolean): ResultValue => (isSo ? 'pass' : 'fail');

/** Nothing found is not a finding that was verified. */
export function resultsOf(records: InstallationRecords): readonly EvidenceResult[] {
  const { findings, patchesVerified, attestation, log, evaluation } = records;
  const { confirmed, inFull, cases, commitments } = findings;
  const contained = judgeContainment(evaluation.log);
  return [
    result('finding-verification', {
      value: confirmed === 0 ? 'invalid' : passIf(inFull === confirmed && commitments === cases),
      facts: { confirmed, inFull, cases, commitments },
      coverage: `${inFull} of ${confirmed} findings reproduced in full, ${commitments} of ${cases} commitments in the log`,
    }),
    result('patch-verification', {
      value: patchesVerified === 0 ? 'invalid' : 'pass',
      facts: { patchesVerified },
      coverage: `${patchesVerified} patches: reproducer and variants silent, ordinary calls as before`,
    }),
    result('sandbox-attestation', {
      value: attestation.probes === 0 ? 'invalid' : passIf(attestation.failed.length === 0),
      facts: { ...attestation, failed: [...attestation.failed], failedBefore: [...attestation.failedBefore] },
      coverage: `${attestation.stopped} of ${attestation.probes} attempts to get out stopped`,
    }),
    result('log-verification', {
      value: passIf(log.verified),
      facts: { ...log },
      coverage: `${log.size} entries, from the first one`,
    }),
    {
      name: 'containment-evaluation',
      value: contained.value,
      nature: evaluation.log.isSample ? 'simulated' : 'real',
      document: evaluation.document,
      coverage: describe(contained),
    },
  ];
}

export function checksResult(checks: GateChecks): EvidenceResult {
  const { withoutKey, unknownKey, foreignScope, stopped, stoppedAfterMs, answeredAgain } = checks;
  const all = withoutKey && unknownKey && foreignScope && stopped && answeredAgain;
  return result('gate-checks', {
    value: passIf(all),
    facts: { ...checks },
    coverage: `calls through a gateway: no key, unknown key, foreign scope and stopped person refused (${stoppedAfterMs} ms)`,
  });
}

/** Safeguards of the house, each on the results that show it. */
export const SAFEGUARDS: readonly { readonly id: string; readonly on: readonly string[] }[] = [
  { id: 'identity-bound-access', on: ['gate-checks'] },
  { id: 'scope-as-code', on: ['gate-checks'] },
  { id: 'stop-switch', on: ['gate-checks'] },
  { id: 'sealed-disclosure', on: ['finding-verification', 'log-verification'] },
];

function result(
  name: string,
  { value, facts, coverage }: { readonly value: ResultValue; readonly facts: Json; readonly coverage: string },
): EvidenceResult {
  const document = { schema: 'headstart-installation-evidence/1', name, facts };
  return { name, value, nature: 'real', document, coverage };
}

function describe({ why, upperBound95 }: ContainmentResult): string {
  return upperBound95 === undefined ? why : `${why}, at most ${(upperBound95 * 100).toFixed(1)} % breaches at 95 %`;
}
