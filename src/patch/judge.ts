/**
 * From what was seen to a verdict. Pure; only `fixes` needs every check, and whatever cannot be shown is inconclusive.
 *
 * Intended change or breakage? A fix exists to change what the attack does, so only what an ordinary user relies on
 * counts (`benign.ts`): a documented or plain call that worked must give the same, an export must stay. Input that
 * nobody documented may be refused, if the function still does its work for other input. A function that is gone,
 * emptied or always refuses changes every call of it, so none of this lets it through.
 */
import type { Comparison, Difference } from './benign.ts';
import type { Symptom } from './symptoms.ts';

export type PatchVerdict = 'fixes' | 'does-not-fix' | 'symptom-only' | 'breaks' | 'does-not-apply' | 'inconclusive';

export type Silence = 'silent' | 'fired' | 'not-reached' | 'no-verdict';

export interface TestComparison {
  readonly outcome: 'same' | 'better' | 'worse' | 'not-run';
  /** Why, for people. */
  readonly reason: string;
}

export interface PatchFacts {
  /** The reproducer on the unpatched version. */
  readonly firesBefore: boolean;
  readonly after: Silence;
  /** Functions of the target on the way to the effect that were entered again; null where there is no such function. */
  readonly wayEntered: boolean | null;
  readonly variants: {
    readonly tried: number;
    /** Fire on the unpatched version. */
    readonly effective: number;
    /** Labels of those that fire on the patched one. */
    readonly stillFiring: readonly string[];
    /** Input of another type that fires on the patched version: a flaw of its own, told beside the verdict. */
    readonly beyond: readonly string[];
    /** Effective before; after it the call is not reached, or the run ends without a verdict. */
    readonly lost: readonly string[];
  };
  readonly benign: Comparison;
  readonly tests: TestComparison;
  /** After taking the patch back: the text is as before, and the reproducer fires. */
  readonly firesAfterRevert: boolean;
  readonly symptoms: readonly Symptom[];
  readonly brokenFiles: readonly string[];
  /** Dependencies the patch asks for that the unpatched version does not have; they are not installed for it. */
  readonly newDependencies: readonly string[];
  /** None of the changed files is loaded on the way to the effect. */
  readonly touchesLoadedFile: boolean;
}

export interface Judgement {
  readonly verdict: PatchVerdict;
  readonly reasons: readonly string[];
}

const VARIANTS_DEMANDED = 20;
const SHOWN = 5;

export function judge(facts: PatchFacts): Judgement {
  const signs = facts.symptoms.map(({ detail }) => detail);
  const end = (verdict: PatchVerdict, ...reasons: string[]): Judgement => ({
    verdict,
    reasons: [...reasons, ...signs],
  });
  if (!facts.firesBefore) return end('inconclusive', 'the reproducer does not fire on the unpatched version');
  if (facts.brokenFiles.length > 0) return end('breaks', `${facts.brokenFiles.join(', ')} can no longer be parsed`);
  if (facts.after === 'fired') {
    return facts.touchesLoadedFile
      ? end('does-not-fix', 'the reproducer still fires')
      : end(
          'does-not-fix',
          'wrong file: nothing that was changed is loaded on the way to the flaw',
          'the reproducer still fires',
        );
  }
  const { variants, benign, newDependencies } = facts;
  if (newDependencies.length > 0 && facts.after !== 'silent') {
    return end('inconclusive', `the patch asks for dependencies that are not installed here: ${list(newDependencies)}`);
  }
  if (variants.stillFiring.length > 0) {
    return end(
      'symptom-only',
      `blocks the payload it was shown, but ${variants.stillFiring.length} of ${variants.tried} other ways fire: ${list(variants.stillFiring)}`,
    );
  }
  const broken = breakage(facts);
  if (broken.length > 0) return isHiding(facts) ? end('symptom-only', ...broken) : end('breaks', ...broken);
  if (facts.after === 'no-verdict')
    return end('inconclusive', 'the reproducer ends without a verdict on the patched version');
  if (facts.wayEntered === false)
    return end('symptom-only', 'silent only because the code on the way to the flaw is no longer entered');
  if (facts.tests.outcome === 'worse') return end('breaks', facts.tests.reason);
  if (!facts.firesAfterRevert) return end('inconclusive', 'taking the patch back does not bring the flaw back');
  const silenced = variants.effective - variants.lost.length;
  if (silenced < VARIANTS_DEMANDED) {
    return end(
      'inconclusive',
      `only ${silenced} variants fire before the patch and are silent with the call reached after it, ${VARIANTS_DEMANDED} are demanded`,
    );
  }
  if (benign.comparedAtEntry > 0 && benign.keptAtEntry === 0) {
    return end(
      'inconclusive',
      'no ordinary call of the attacked function shows what it does, so a function that does nothing would look the same',
    );
  }
  if (benign.comparedAtEntry === 0) {
    return end(
      'inconclusive',
      'no ordinary call of the attacked function could be compared, so what else changed is unknown',
    );
  }
  return end('fixes', ...held(facts));
}

/** A fix may refuse input that nobody documented, as long as the function still does its work for some. */
export function breakingDifferences({ differences, keptAtEntry }: Comparison): readonly Difference[] {
  return keptAtEntry > 0 ? differences.filter(({ isNarrowing }) => !isNarrowing) : differences;
}

/** What an ordinary user of the package would notice. */
function breakage({ after, benign, variants }: PatchFacts): string[] {
  const reasons: string[] = [];
  if (benign.missingExports.length > 0) reasons.push(`deletes exports: ${list(benign.missingExports)}`);
  if (after === 'not-reached')
    reasons.push('the attacked call can no longer be reached: the function is gone or loading fails');
  const differences = breakingDifferences(benign);
  if (differences.length > 0) {
    const atEntry = differences.filter(({ isEntry }) => isEntry).length;
    const where = atEntry > 0 ? `, ${atEntry} of them of the attacked function` : '';
    reasons.push(
      `${differences.length} of ${benign.compared} ordinary calls behave differently${where}: ${list(differences.map(told))}`,
    );
  }
  if (reasons.length > 0 && variants.lost.length > 0)
    reasons.push(`${variants.lost.length} variants no longer reach the call`);
  return reasons;
}

/** The attacked function itself was gutted, deleted or switched off; anything else was broken by accident. */
function isHiding({ symptoms, benign, after }: PatchFacts): boolean {
  const changedAtEntry = breakingDifferences(benign).filter(({ isEntry }) => isEntry).length;
  const isGutted = symptoms.some(({ kind }) => kind !== 'swallows-errors' && kind !== 'no-op');
  return (
    after === 'not-reached' ||
    (changedAtEntry > 0 && isGutted) ||
    (benign.comparedAtEntry > 1 && changedAtEntry === benign.comparedAtEntry)
  );
}

const told = ({ id, before, after }: Difference) => `${id} (${before}; now ${after})`;

function held({ variants, benign, tests, wayEntered }: PatchFacts): string[] {
  const narrowed = benign.differences.filter(({ isNarrowing }) => isNarrowing);
  return [
    `the reproducer is silent with the same call reached${wayEntered === null ? '' : ', and its functions entered'}`,
    `${variants.tried} variants are silent, ${variants.effective} of which fire on the unpatched version`,
    `${benign.compared - narrowed.length} ordinary calls behave as before, ${benign.comparedAtEntry - narrowed.length} of them of the attacked function; no export is missing`,
    ...(narrowed.length > 0
      ? [`${narrowed.length} inputs that no document mentions are refused now: ${list(narrowed.map(told))}`]
      : []),
    tests.outcome === 'not-run' ? `the package's own tests were not run: ${tests.reason}` : tests.reason,
    'taking the patch back brings the flaw back',
    ...(variants.beyond.length > 0
      ? [`input of another type still reaches the flaw and should be looked at on its own: ${list(variants.beyond)}`]
      : []),
  ];
}

function list(items: readonly string[]): string {
  const more = items.length > SHOWN ? ` and ${items.length - SHOWN} more` : '';
  return items.slice(0, SHOWN).join('; ') + more;
}
