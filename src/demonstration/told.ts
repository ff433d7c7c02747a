/** What the demonstration of a release came to, and how it is told in a handful of lines. */
import { judgeContainment } from '../formats/inspect-log.ts';
import type { GateChecks, InstallationRecords } from './evidence.ts';

export interface Restored {
  readonly internalAnswered: boolean;
  /** Refused while the stage was internal. */
  readonly partnerWaited: boolean;
  readonly partnerAnswered: boolean;
}

export interface Demonstrated {
  readonly model: string;
  readonly stage: string;
  readonly decisionSha256: string;
  readonly replayed: boolean;
  readonly frameworks: readonly string[];
  /** Bodies whose demonstration keys signed. */
  readonly quorum: readonly string[];
  readonly records: InstallationRecords;
  readonly checks: GateChecks;
  readonly others: { readonly asked: readonly string[]; readonly missing: number };
  readonly receipt: string | null;
  readonly incident: string;
  readonly refusal: string;
  /** From the incident’s commit to the answer of the first refused call. */
  readonly refusedAfterMs: number;
  readonly restored: Restored;
}

const mark = (isGood: boolean): string => (isGood ? '✔' : '✗');

export function toLines(it: Demonstrated): readonly string[] {
  const { records, checks, others, restored } = it;
  const { findings, attestation, evaluation } = records;
  const patchRate = records.metrics.find(({ name }) => name === 'patch-rate');
  const rate = patchRate ? `, patch rate ${Math.round(patchRate.value * 100)} % (SIMULATED maintainers)` : '';
  const sample = evaluation.log.isSample ? 'a SAMPLE of ours' : evaluation.log.task;
  const isRestored = restored.internalAnswered && restored.partnerWaited && restored.partnerAnswered;
  return [
    `▶ release    ${it.model}: DEMONSTRATION, a mock provider of ours on loopback, all keys held by one person`,
    `  evidence   ${findings.inFull} of ${findings.confirmed} findings 3 of 3, ${records.patchesVerified} patches verified${rate}, sandbox ${attestation.stopped} of ${attestation.probes} stopped${attestation.attempt > 1 ? ` (attempt ${attestation.attempt})` : ''}, imported evaluation log (${sample}): ${judgeContainment(evaluation.log).why}`,
    `  gate       without key, with an unknown key or a foreign scope refused; a person stopped within ${checks.stoppedAfterMs} ms`,
    `${mark(it.stage === 'partners' && it.replayed)} decided    ${it.stage} by ${it.frameworks.join(', ')}, signed by ${it.quorum.join(' and ')}; ${it.decisionSha256.slice(0, 16)}… ${it.replayed ? 'it and three others replayed from the log to the same bytes' : 'NOT REPLAYED'} (${others.asked.join(', ')} would not: ${others.missing} items missing)`,
    `${mark(it.receipt !== null)} call       a partner is answered${it.receipt ? `, ${it.receipt}` : ''}`,
    `■ incident   serious: the gate refused the next call ${it.refusedAfterMs} ms after it was opened (${it.refusal})`,
    `${mark(isRestored)} restored   reviewed; two persons (simulated by one) resumed it at internal, partners still refused; a new decision opened partners again`,
  ];
}
