/**
 * A proposed CVSS 4.0 base vector with one reason per metric. A proposal: the oracle only shows that the effect is
 * possible, so what an attacker gains is the class's usual worst consequence, lowered where the evidence says so.
 * The reviewing person's vector replaces it.
 */
import cvss from 'ae-cvss-calculator';
import type { FlawClass } from '../formats/flaw-class.ts';
import type { PlanValue, ProbePlan } from '../probe/index.ts';

/** How untrusted input gets to the flaw, from the plan that showed it. */
export type Exposure = 'server' | 'library' | 'command-line';

export interface SeverityEvidence {
  readonly flaw: FlawClass;
  readonly exposure: Exposure;
  /** The flaw shows only with an option that is off by default (an object handed over beside the input). */
  readonly needsOption: boolean;
  /** For redos: the measured exponent, undefined where growth is faster than any power. */
  readonly exponent?: number;
}

export const METRICS = ['AV', 'AC', 'AT', 'PR', 'UI', 'VC', 'VI', 'VA', 'SC', 'SI', 'SA'] as const;
export type Metric = (typeof METRICS)[number];

export interface ProposedSeverity {
  readonly vector: string;
  /** 0.0 to 10.0. */
  readonly score: number;
  readonly severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  readonly reasons: Readonly<Record<Metric, string>>;
}

type Rating = readonly [value: string, reason: string];

export function proposeSeverity(evidence: SeverityEvidence): ProposedSeverity {
  const ratings: Readonly<Record<Metric, Rating>> = {
    AV: attackVector(evidence.exposure),
    AC: ['L', 'the reproducer fired in every run without a race or a guess'],
    AT: attackRequirements(evidence),
    PR: ['N', 'the reproducer logs in nowhere'],
    UI: userInteraction(evidence.exposure),
    ...impact(evidence),
    SC: ['N', 'no effect outside the process was shown'],
    SI: ['N', 'no effect outside the process was shown'],
    SA: ['N', 'no effect outside the process was shown'],
  };
  const vector = `CVSS:4.0/${METRICS.map((metric) => `${metric}:${ratings[metric][0]}`).join('/')}`;
  const score = scoreOf(vector);
  const reasons = Object.fromEntries(METRICS.map((metric) => [metric, ratings[metric][1]]));
  return { vector, score, severity: bandOf(score), reasons: reasons as Record<Metric, string> };
}

function attackVector(exposure: Exposure): Rating {
  switch (exposure) {
    case 'server':
      return ['N', 'the effect was caused by one request to the server the package starts'];
    case 'library':
      return ['N', 'a library function: rated for a caller that passes on what it receives over a network'];
    case 'command-line':
      return ['L', 'the effect was caused through the arguments of a command-line program'];
  }
}

function attackRequirements({ exposure, needsOption }: SeverityEvidence): Rating {
  if (needsOption) return ['P', 'the call that shows it passes an option beside the input'];
  if (exposure === 'library') return ['P', 'an application must hand untrusted input to this function'];
  return ['N', 'no option and no special deployment was needed'];
}

function userInteraction(exposure: Exposure): Rating {
  if (exposure === 'command-line') return ['P', 'someone must run the program with the crafted argument'];
  return ['N', 'nobody but the caller takes part'];
}

type Impact = Readonly<Record<'VC' | 'VI' | 'VA', Rating>>;

function impact({ flaw, exponent }: SeverityEvidence): Impact {
  switch (flaw) {
    case 'command-injection':
      return rate('H', 'H', 'H', 'a shell ran text from the input with the rights of the process');
    case 'code-injection':
      return rate('H', 'H', 'H', 'text from the input was evaluated in the process');
    case 'path-traversal':
      return rate('H', 'N', 'N', 'a file outside the root was read; no file was written');
    case 'prototype-pollution':
      return rate('L', 'L', 'L', 'a property appeared on every object; no way to use it further was shown');
    case 'redos':
      return exponent !== undefined && exponent < 2.5
        ? rate('N', 'N', 'L', `time grows with power ${exponent.toFixed(1)} of the input: long inputs are needed`)
        : rate('N', 'N', 'H', 'time grows so fast that a short input occupies the process');
  }
}

function rate(VC: string, VI: string, VA: string, reason: string): Impact {
  const of = (value: string): Rating => [value, value === 'N' ? `not affected: ${reason}` : reason];
  return { VC: of(VC), VI: of(VI), VA: of(VA) };
}

function scoreOf(vector: string): number {
  return new cvss.Cvss4P0(vector).calculateScores().overall;
}

/** CVSS 4.0, section 6. */
function bandOf(score: number): ProposedSeverity['severity'] {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  if (score >= 4) return 'medium';
  return score > 0 ? 'low' : 'none';
}

/** What the plan says about how input gets to the flaw. */
export function evidenceOf(plan: ProbePlan, exponent?: number): SeverityEvidence {
  const { drive } = plan;
  const exposure =
    drive.kind === 'http' || drive.kind === 'handler' || (drive.kind === 'bin' && drive.requestTarget !== undefined)
      ? 'server'
      : drive.kind === 'bin'
        ? 'command-line'
        : 'library';
  const carriers = drive.args.filter(carriesPayload);
  const needsOption =
    carriers.length > 0 &&
    carriers.every(({ kind }) => kind === 'object' || kind === 'any-property') &&
    drive.args.length > 1;
  return { flaw: plan.flaw, exposure, needsOption, ...(exponent === undefined ? {} : { exponent }) };
}

const carriesPayload = (value: PlanValue): boolean => JSON.stringify(value).includes('payload');
