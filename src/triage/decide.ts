/**
 * How bad, how soon, and why. Every value says where it comes from and what spoke for it. What nobody knows is taken at
 * its worst, and said so: a decision must not look calm because a question was left open.
 */
import { type CvssScore, type SeverityWord, scoreCvss } from '../formats/cvss.ts';
import { decideSsvc } from '../formats/ssvc.ts';
import { type AffectedPackage, affectedRange } from './affected.ts';
import { type Calibration, SEVERITIES } from './calibration.ts';
import type { EpssEntry, KevEntry } from './feed.ts';

export interface Valued<T> {
  readonly value: T;
  /** Who says so: `claim of …`, `cvss`, `kev`, `ssvc supplier_…`, `assumed`. */
  readonly source: string;
  readonly reasons: readonly string[];
}

/** What somebody outside said; believed as far as the rater's reviews go. */
export interface Claim {
  readonly rater: string;
  readonly severity?: SeverityWord;
  readonly vector?: string;
}

export interface TriageFacts {
  readonly claims: readonly Claim[];
  /** Entries of the feeds for the ids of this flaw. */
  readonly kev: readonly KevEntry[];
  readonly epss: readonly EpssEntry[];
  /** Seen by ourselves or told by a party. */
  readonly isAttacked: boolean;
  readonly isExploitPublic: boolean;
  readonly affected: AffectedPackage;
  /** Answers of people to decision points, by the point's key in its table (`EXP`, `HI`, `PSI`, `VD`, `MWI`, `PE`). */
  readonly answers: Readonly<Record<string, string>>;
}

export interface TriageDecision {
  readonly score: Valued<number | null>;
  readonly severity: Valued<SeverityWord>;
  readonly exploitation: Valued<'none' | 'public-poc' | 'active'>;
  /** That it is exploited within thirty days. */
  readonly likelihood: Valued<number | null>;
  /** In VERS. */
  readonly affected: Valued<string | null>;
  readonly supplier: Valued<string>;
  readonly deployer: Valued<string>;
  readonly coordinator: Valued<string>;
  readonly bod2604: Valued<string>;
}

/** Below this a rater's severity is lowered by one step, where it was reviewed often enough to know. */
const HOLDS_AT_LEAST = 0.5;
const REVIEWS_TO_KNOW = 20;

const TABLES = {
  supplier: 'supplier_patch_development_priority_1_0_0',
  deployer: 'deployer_patch_application_priority_1_0_0',
  coordinator: 'cisa_coordinator_2_0_3',
  bod2604: 'cisa_bod_26_04_1_0_0',
} as const;

export function decide(facts: TriageFacts, calibration: Calibration): TriageDecision {
  const claim = gravest(facts.claims);
  const exploitation = exploitationOf(facts);
  const points = pointsOf(facts, claim?.scored, exploitation);
  const by = (table: string, keys: readonly string[]): Valued<string> => byTable(table, keys, points);
  return {
    score: claim?.scored
      ? { value: claim.scored.score, source: `claim of ${claim.rater}`, reasons: [claim.scored.vector] }
      : { value: null, source: 'nobody', reasons: ['no vector was given that can be scored'] },
    severity: severityOf(claim, exploitation, calibration),
    exploitation,
    likelihood: likelihoodOf(facts),
    affected: affectedRange(facts.affected),
    supplier: by(TABLES.supplier, ['E', 'U', 'TI', 'PSI']),
    deployer: by(TABLES.deployer, ['E', 'EXP', 'A', 'HI']),
    coordinator: by(TABLES.coordinator, ['E', 'A', 'TI', 'MWI']),
    bod2604: by(TABLES.bod2604, ['PE', 'KEV', 'A', 'TI']),
  };
}

/** The table whose point each answerable key is, for the check of an answer. */
const ASKED_IN: Readonly<Record<string, string>> = {
  A: TABLES.deployer,
  E: TABLES.deployer,
  EXP: TABLES.deployer,
  HI: TABLES.deployer,
  MWI: TABLES.coordinator,
  PE: TABLES.bod2604,
  PSI: TABLES.supplier,
  TI: TABLES.supplier,
  U: TABLES.supplier,
  VD: 'utility_1_0_0',
};

/** Why a value is no answer to a decision point; undefined where it is one. */
export function whyNoAnswer(point: string, value: string): string | undefined {
  const table = Object.hasOwn(ASKED_IN, point) ? ASKED_IN[point] : undefined;
  if (!table) return `nobody is asked ${point}: there are ${Object.keys(ASKED_IN).join(', ')}`;
  const decided = decideSsvc(table, [[point, value]]);
  const isUnknown = !decided.ok && decided.refusal.kind === 'no-such-value';
  return isUnknown ? `${point} is one of ${decided.refusal.known.join(', ')}` : undefined;
}

interface Weighed {
  readonly rater: string;
  readonly severity: SeverityWord;
  readonly scored: CvssScore | undefined;
}

/** Of several claims the gravest is taken; who claims less does not hide who claims more. */
function gravest(claims: readonly Claim[]): Weighed | undefined {
  const weighed = claims.flatMap(({ rater, severity, vector }): Weighed[] => {
    const scored = vector === undefined ? undefined : scoreCvss(vector);
    const score = scored?.ok ? scored.value : undefined;
    const said = score?.severity ?? severity;
    return said === undefined ? [] : [{ rater, severity: said, scored: score }];
  });
  return weighed.sort(
    (one, other) =>
      SEVERITIES.indexOf(other.severity) - SEVERITIES.indexOf(one.severity) ||
      (other.scored?.score ?? 0) - (one.scored?.score ?? 0),
  )[0];
}

function severityOf(
  claim: Weighed | undefined,
  exploitation: TriageDecision['exploitation'],
  calibration: Calibration,
): TriageDecision['severity'] {
  if (!claim)
    return { value: 'high', source: 'assumed', reasons: ['nobody rated it: taken as high until somebody does'] };
  const { rater, severity } = claim;
  const { grave, holds, reviews } = calibration(rater, severity);
  const reasons = [
    `${rater} says ${severity}`,
    `of such claims ${percent(holds)} hold and ${percent(grave)} are high or critical (${reviews} reviews of this rater)`,
  ];
  const source = `claim of ${rater}`;
  if (holds >= HOLDS_AT_LEAST || reviews < REVIEWS_TO_KNOW) return { value: severity, source, reasons };
  if (exploitation.value === 'active') {
    return { value: severity, source, reasons: [...reasons, 'not lowered: it is exploited'] };
  }
  const lower = SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)] ?? severity;
  return { value: lower, source: 'calibrated', reasons: [...reasons, `lowered from ${severity} to ${lower}`] };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function exploitationOf({ kev, isAttacked, isExploitPublic }: TriageFacts): TriageDecision['exploitation'] {
  if (kev.length > 0) {
    const reasons = kev.map(
      ({ cve, added, ransomware }) =>
        `${cve} is in the catalogue since ${added}${ransomware ? ', used for ransom' : ''}`,
    );
    return { value: 'active', source: 'kev', reasons };
  }
  if (isAttacked) return { value: 'active', source: 'case', reasons: ['an attack was reported'] };
  if (isExploitPublic) return { value: 'public-poc', source: 'case', reasons: ['an exploit is public'] };
  return { value: 'none', source: 'case', reasons: ['no attack and no public exploit is known'] };
}

function likelihoodOf({ epss }: TriageFacts): TriageDecision['likelihood'] {
  const most = [...epss].sort((one, other) => other.score - one.score)[0];
  if (!most) return { value: null, source: 'nobody', reasons: ['no id of it is scored'] };
  const rank = `above ${percent(most.percentile)} of all scored ids`;
  return { value: most.score, source: 'epss', reasons: [`${most.cve}: ${most.score}, ${rank}`] };
}

type Points = Readonly<Record<string, { readonly value: string; readonly because: string }>>;

/** Answers of people first, then what can be read off, then the worst. */
function pointsOf(facts: TriageFacts, scored: CvssScore | undefined, exploitation: Valued<string>): Points {
  const metrics = new Map((scored?.vector ?? '').split('/').map((part) => part.split(':') as [string, string]));
  const answered = (key: string, otherwise: { value: string; because: string }) => {
    const value = facts.answers[key];
    return value === undefined ? otherwise : { value, because: `${key} ${value}: answered by a person` };
  };
  const worst = (key: string, value: string) =>
    answered(key, { value, because: `${key} ${value}: not known, the worst is assumed` });
  const automatable = answered('A', automatableOf(metrics));
  const density = worst('VD', 'C');
  const utility = decideSsvc('utility_1_0_0', [
    ['A', automatable.value],
    ['VD', density.value],
  ]);
  const e = { none: 'N', 'public-poc': 'P', active: 'A' }[exploitation.value] ?? 'A';
  const isKev = facts.kev.length > 0;
  return {
    E: answered('E', { value: e, because: `E ${e}: ${exploitation.reasons.join('; ')}` }),
    A: automatable,
    U: answered('U', {
      value: utility.ok ? utility.value.key : 'S',
      because: `U ${utility.ok ? utility.value.key : 'S'}: from ${automatable.because} and ${density.because}`,
    }),
    TI: answered('TI', impactOf(metrics)),
    KEV: { value: isKev ? 'Y' : 'N', because: `KEV ${isKev ? 'Y' : 'N'}: by the catalogue` },
    PSI: worst('PSI', 'S'),
    EXP: worst('EXP', 'O'),
    HI: worst('HI', 'VH'),
    MWI: worst('MWI', 'H'),
    PE: worst('PE', 'Y'),
  };
}

function automatableOf(metrics: ReadonlyMap<string, string>): { value: string; because: string } {
  const said = metrics.get('AU');
  if (said === 'Y' || said === 'N') return { value: said, because: `A ${said}: the vector says AU:${said}` };
  if (!metrics.has('AV')) return { value: 'Y', because: 'A Y: no vector, the worst is assumed' };
  const easy = [
    ['AV', 'N'],
    ['AC', 'L'],
    ['PR', 'N'],
    ['UI', 'N'],
  ] as const;
  const isEasy = easy.every(([metric, value]) => metrics.get(metric) === value) && metrics.get('AT') !== 'P';
  const because = 'from the network, without privileges, conditions or anybody’s help';
  return {
    value: isEasy ? 'Y' : 'N',
    because: `A ${isEasy ? 'Y' : 'N'}: the vector is ${isEasy ? '' : 'not '}${because}`,
  };
}

function impactOf(metrics: ReadonlyMap<string, string>): { value: string; because: string } {
  if (!metrics.has('AV')) return { value: 'T', because: 'TI T: no vector, the worst is assumed' };
  const of = (metric: string): string | undefined => metrics.get(`V${metric}`) ?? metrics.get(metric);
  const isTotal = of('C') === 'H' && of('I') === 'H';
  const why = isTotal ? 'all is read and changed' : 'not all is read and changed';
  return { value: isTotal ? 'T' : 'P', because: `TI ${isTotal ? 'T' : 'P'}: ${why}, by the vector` };
}

function byTable(table: string, keys: readonly string[], points: Points): Valued<string> {
  const source = `ssvc ${table}`;
  const chosen = keys.map((key): [string, string] => [key, points[key]?.value ?? '']);
  const decided = decideSsvc(table, chosen);
  if (!decided.ok) throw new RangeError(`${table} cannot decide ${JSON.stringify(chosen)}: ${decided.refusal.kind}`);
  return { value: decided.value.name, source, reasons: keys.map((key) => points[key]?.because ?? key) };
}
