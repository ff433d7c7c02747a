/**
 * CVSS 4.0 and 3.1 vectors: read strictly, scored by ae-cvss-calculator (0 differences over the reference vectors).
 * The library forgives an unknown or missing metric; here it is refused, so that a score always belongs to a vector
 * that another calculator accepts too.
 */
import cvss from 'ae-cvss-calculator';
import { ok, type Result, refuse } from '../lib/result.ts';

export type SeverityWord = 'none' | 'low' | 'medium' | 'high' | 'critical';

export interface CvssScore {
  readonly version: '4.0' | '3.1';
  readonly vector: string;
  /** 0.0 to 10.0, one decimal. */
  readonly score: number;
  readonly severity: SeverityWord;
}

export interface CvssRefusal {
  readonly kind: 'bad-vector';
  readonly vector: string;
  readonly reason: string;
}

// The specifications' metrics in their mandatory (4.0, section 7) and preferred (3.1, section 6) order.
const METRICS_40 =
  'AV:NALP AC:LH AT:NP PR:NLH UI:NPA VC:HLN VI:HLN VA:HLN SC:HLN SI:HLN SA:HLN E:XAPU CR:XHML IR:XHML AR:XHML MAV:XNALP MAC:XLH MAT:XNP MPR:XNLH MUI:XNPA MVC:XNLH MVI:XNLH MVA:XNLH MSC:XNLH MSI:XNLHS MSA:XNLHS S:XNP AU:XNY R:XAUI V:XDC RE:XLMH U:X|Clear|Green|Amber|Red';
const METRICS_31 =
  'AV:NALP AC:LH PR:NLH UI:NR S:UC C:NLH I:NLH A:NLH E:XUPFH RL:XOTWU RC:XURC CR:XLMH IR:XLMH AR:XLMH MAV:XNALP MAC:XLH MPR:XNLH MUI:XNR MS:XUC MC:XNLH MI:XNLH MA:XNLH';

const VERSIONS = {
  '4.0': { metrics: readMetrics(METRICS_40), base: 11, ordered: true },
  '3.1': { metrics: readMetrics(METRICS_31), base: 8, ordered: false },
} as const;

export function scoreCvss(vector: string): Result<CvssScore, CvssRefusal> {
  const match = /^CVSS:(4\.0|3\.1)\/(.{1,400})$/.exec(vector);
  const version = match?.[1] as '4.0' | '3.1' | undefined;
  if (!match || !version) {
    return refuse({ kind: 'bad-vector', vector, reason: 'a vector starts with CVSS:4.0/ or CVSS:3.1/' });
  }
  const reason = whyWrong(version, match[2] ?? '');
  if (reason) return refuse({ kind: 'bad-vector', vector, reason });
  const { overall } =
    version === '4.0' ? new cvss.Cvss4P0(vector).calculateScores() : new cvss.Cvss3P1(vector).calculateScores();
  return ok({ version, vector, score: overall, severity: severityOf(overall) });
}

/** Both versions use the same qualitative scale. */
export function severityOf(score: number): SeverityWord {
  if (score === 0) return 'none';
  if (score < 4) return 'low';
  if (score < 7) return 'medium';
  return score < 9 ? 'high' : 'critical';
}

/**
 * A CVSS 3.1 base vector that says what the 4.0 vector says, for formats that hold no 4.0 score (CSAF 2.0): attack
 * requirements count as complexity, any interaction as required, an effect on a subsequent system as changed scope.
 */
export function toCvss31(vector40: string): string {
  const metric = new Map(vector40.split('/').map((part) => part.split(':') as [string, string]));
  const beyond = ['SC', 'SI', 'SA'].some((name) => metric.get(name) !== 'N');
  const hard = metric.get('AC') === 'H' || metric.get('AT') === 'P';
  return [
    'CVSS:3.1',
    `AV:${metric.get('AV')}`,
    `AC:${hard ? 'H' : 'L'}`,
    `PR:${metric.get('PR')}`,
    `UI:${metric.get('UI') === 'N' ? 'N' : 'R'}`,
    `S:${beyond ? 'C' : 'U'}`,
    ...['C', 'I', 'A'].map((name) => `${name}:${worse(metric.get(`V${name}`), metric.get(`S${name}`))}`),
  ].join('/');
}

// 3.1 has one impact for both systems: the graver one.
function worse(left = 'N', right = 'N'): string {
  return 'NLH'.indexOf(left) >= 'NLH'.indexOf(right) ? left : right;
}

function readMetrics(text: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    text.split(' ').map((metric) => {
      const [name = '', values = ''] = metric.split(':');
      return [name, values.includes('|') ? values.split('|') : [...values]];
    }),
  );
}

function whyWrong(version: '4.0' | '3.1', body: string): string | undefined {
  const { metrics, base, ordered } = VERSIONS[version];
  const names = [...metrics.keys()];
  const seen: string[] = [];
  for (const part of body.split('/')) {
    const [name = '', value = '', ...more] = part.split(':');
    const allowed = metrics.get(name);
    if (!allowed || more.length > 0) return `${part.slice(0, 20)} is not a metric of CVSS ${version}`;
    if (!allowed.includes(value)) return `${name} cannot be ${value.slice(0, 10)}: it is one of ${allowed.join(', ')}`;
    if (seen.includes(name)) return `${name} stands twice`;
    if (ordered && seen.some((earlier) => names.indexOf(earlier) > names.indexOf(name)))
      return `${name} is out of order`;
    seen.push(name);
  }
  const missing = names.slice(0, base).filter((name) => !seen.includes(name));
  return missing.length > 0 ? `base metrics are missing: ${missing.join(', ')}` : undefined;
}
