/** What a trial means for its case. Pure: the stage of the case and its trials so far go in, what is to be done comes out. */
import { compareReleases, type Source } from './release.ts';

export type TrialOutcome = 'still-there' | 'fixed' | 'unclear';

export interface Tried {
  readonly source: Source;
  readonly version: string;
  readonly outcome: TrialOutcome;
}

/** `before`: nobody is told yet. `with-maintainers`: they can take the step. `after`: a fix counts as released. */
export type Phase = 'before' | 'with-maintainers' | 'after' | 'over';

export type Consequence =
  | { readonly kind: 'none' }
  /** A release has the fix, and the case does not say so yet. */
  | { readonly kind: 'fix-released'; readonly version: string }
  /** The same where no step follows: nobody was told yet, or it is public already. */
  | { readonly kind: 'fix-seen'; readonly version: string }
  /** An earlier release had the fix, and this one has the flaw again. */
  | { readonly kind: 'back'; readonly version: string; readonly fixedIn: string; readonly reopens: boolean };

/** What moves a case is what users install; a tag is told, and changes nothing. */
const RELEASED: Source = 'npm';

export function consequenceOf(phase: Phase, tried: Tried, all: readonly Tried[]): Consequence {
  if (phase === 'over' || tried.outcome === 'unclear' || tried.source !== RELEASED) return { kind: 'none' };
  if (tried.outcome === 'still-there') return whereBack(phase, tried, all);
  const version = firstFixed([...all, tried]) ?? tried.version;
  if (phase === 'with-maintainers') return { kind: 'fix-released', version };
  return firstFixed(all) === undefined ? { kind: 'fix-seen', version } : { kind: 'none' };
}

function whereBack(phase: Phase, { version }: Pick<Tried, 'version'>, all: readonly Tried[]): Consequence {
  const fixedIn = firstFixed(all);
  const isLater = fixedIn !== undefined && (compareReleases(version, fixedIn) ?? 0) > 0;
  return isLater ? { kind: 'back', version, fixedIn, reopens: phase === 'after' } : { kind: 'none' };
}

/** The lowest release that users can install on which it was silent. */
export function firstFixed(all: readonly Tried[]): string | undefined {
  return all
    .filter(({ outcome, source }) => outcome === 'fixed' && source === RELEASED)
    .map(({ version }) => version)
    .toSorted((left, right) => compareReleases(left, right) ?? 0)[0];
}

export interface FixFacts {
  readonly phase: Phase;
  /** Since when a fix is in the project's repository, as far as was said. */
  readonly patchedAt: Date | null;
  /** What the maintainers called fixed, and when. */
  readonly claims: readonly { readonly version: string; readonly at: Date }[];
  readonly tried: readonly Tried[];
  /** When they were last asked about it. */
  readonly chasedAt: Date | null;
  readonly now: Date;
  readonly staleDays: number;
}

export interface StaleFix {
  readonly why: 'patched and not released' | 'called fixed and not seen to be';
  readonly since: Date;
  /** It is time to ask, again. */
  readonly mayChase: boolean;
}

const DAY_MS = 86_400_000;

/** A fix that users do not have after so many days; null where there is none, or it is young. */
export function staleFixOf({ phase, patchedAt, claims, tried, chasedAt, now, staleDays }: FixFacts): StaleFix | null {
  if (phase !== 'with-maintainers' || firstFixed(tried) !== undefined) return null;
  const isOld = (at: Date): boolean => now.getTime() - at.getTime() > staleDays * DAY_MS;
  const claimed = claims.map(({ at }) => at).toSorted((left, right) => left.getTime() - right.getTime())[0];
  const mayChase = chasedAt === null || isOld(chasedAt);
  if (claimed && isOld(claimed)) return { why: 'called fixed and not seen to be', since: claimed, mayChase };
  if (patchedAt && isOld(patchedAt)) return { why: 'patched and not released', since: patchedAt, mayChase };
  return null;
}
