/** Mandatory tests 6.1.8 to 6.1.11 of CSAF 2.0: scores that follow from their vectors, and weaknesses by their names. */
import cvss from 'ae-cvss-calculator';
import { type Breach, type CsafCvss, type CsafTest, type Placed, placed, vulnerabilitiesOf } from './csaf-shape.ts';
import { severityOf } from './cvss.ts';
import { cweName } from './cwe.ts';

const scoresOf = (it: Parameters<CsafTest>[0]): Placed<CsafCvss>[] =>
  vulnerabilitiesOf(it).flatMap(({ path, value }) =>
    placed(`${path}/scores`, value.scores).flatMap((score) => [
      ...(score.value.cvss_v2 ? [{ path: `${score.path}/cvss_v2`, value: score.value.cvss_v2 }] : []),
      ...(score.value.cvss_v3 ? [{ path: `${score.path}/cvss_v3`, value: score.value.cvss_v3 }] : []),
    ]),
  );

function calculatorOf({ version, vectorString }: CsafCvss) {
  if (version === '2.0') return new cvss.Cvss2(vectorString);
  return version === '3.0' ? new cvss.Cvss3P0(vectorString) : new cvss.Cvss3P1(vectorString);
}

/** 6.1.9 */
const computed: CsafTest = (it) =>
  scoresOf(it).flatMap(({ path, value }) => {
    const { base, temporal, environmental } = calculatorOf(value).calculateScores();
    const known: readonly [string, number | undefined][] = [
      ['base', base],
      ['temporal', temporal ?? base],
      ['environmental', environmental ?? temporal ?? base],
    ];
    return known.flatMap(([name, score = 0]): Breach[] => {
      const [said, word] = [value[`${name}Score`], value[`${name}Severity`]];
      if (said !== undefined && said !== score) {
        return [{ path: `${path}/${name}Score`, message: `the vector gives ${score}, not ${String(said)}` }];
      }
      const severity = severityOf(score).toUpperCase();
      if (word === undefined || value.version === '2.0' || word === severity) return [];
      return [{ path: `${path}/${name}Severity`, message: `${score} is ${severity}, not ${String(word)}` }];
    });
  });

const METRICS_3: Readonly<Record<string, string>> = {
  attackVector: 'AV',
  attackComplexity: 'AC',
  privilegesRequired: 'PR',
  userInteraction: 'UI',
  scope: 'S',
  confidentialityImpact: 'C',
  integrityImpact: 'I',
  availabilityImpact: 'A',
  exploitCodeMaturity: 'E',
  remediationLevel: 'RL',
  reportConfidence: 'RC',
  confidentialityRequirement: 'CR',
  integrityRequirement: 'IR',
  availabilityRequirement: 'AR',
  modifiedAttackVector: 'MAV',
  modifiedAttackComplexity: 'MAC',
  modifiedPrivilegesRequired: 'MPR',
  modifiedUserInteraction: 'MUI',
  modifiedScope: 'MS',
  modifiedConfidentialityImpact: 'MC',
  modifiedIntegrityImpact: 'MI',
  modifiedAvailabilityImpact: 'MA',
};
const METRICS_2: Readonly<Record<string, string>> = {
  accessVector: 'AV',
  accessComplexity: 'AC',
  authentication: 'Au',
  confidentialityImpact: 'C',
  integrityImpact: 'I',
  availabilityImpact: 'A',
  exploitability: 'E',
  remediationLevel: 'RL',
  reportConfidence: 'RC',
  collateralDamagePotential: 'CDP',
  targetDistribution: 'TD',
  confidentialityRequirement: 'CR',
  integrityRequirement: 'IR',
  availabilityRequirement: 'AR',
};
/** Values of CVSS 2.0 that are not written with their first letter. */
const LETTERS_2: Readonly<Record<string, string>> = {
  NOT_DEFINED: 'ND',
  PROOF_OF_CONCEPT: 'POC',
  OFFICIAL_FIX: 'OF',
  TEMPORARY_FIX: 'TF',
  UNCONFIRMED: 'UC',
  UNCORROBORATED: 'UR',
  LOW_MEDIUM: 'LM',
  MEDIUM_HIGH: 'MH',
};

/** 6.1.10 */
const consistent: CsafTest = (it) =>
  scoresOf(it).flatMap(({ path, value }) => {
    const isTwo = value.version === '2.0';
    const vector = new Map(value.vectorString.split('/').map((part) => part.split(':') as [string, string]));
    const letter = (word: string) => (isTwo && LETTERS_2[word]) || (word === 'NOT_DEFINED' ? 'X' : word.charAt(0));
    return Object.entries(isTwo ? METRICS_2 : METRICS_3).flatMap(([property, metric]): Breach[] => {
      const word = value[property];
      const stands = vector.get(metric);
      // The vector contradicts only what it speaks of (6.2.19 lists valid documents that say more than their vector).
      if (typeof word !== 'string' || stands === undefined || letter(word) === stands) return [];
      return [{ path: `${path}/${property}`, message: `${word} contradicts ${metric}:${stands} of the vector` }];
    });
  });

/** 6.1.11, for the weaknesses whose names we hold; of others nothing is said. */
const namedWeaknesses: CsafTest = (it) =>
  vulnerabilitiesOf(it).flatMap(({ path, value: { cwe } }) => {
    const name = cwe && cweName(cwe.id);
    return !cwe || !name || name === cwe.name ? [] : [{ path: `${path}/cwe/name`, message: `${cwe.id} is "${name}"` }];
  });

export const SCORE_TESTS: Readonly<Record<string, CsafTest>> = {
  '6.1.9': computed,
  '6.1.10': consistent,
  '6.1.11': namedWeaknesses,
};
