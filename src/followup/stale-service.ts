/** A case as the release watch sees it: what was tried, what waits for a person, and a fix that users do not have yet. */
import { advisoryIdOf, type Disclosure, type OpenedCase, packageOf, titleOf } from '../disclosure/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import { type FixFacts, firstFixed, type Phase, type StaleFix, staleFixOf } from './consequence.ts';
import type { KeptTrial, TriedRelease } from './followed.ts';
import { createFollowupStore } from './followup-store.ts';
import { openRelease, phaseOf, type TrialParts } from './trial-service.ts';

export interface CaseFollowUp {
  readonly caseId: string;
  readonly package: string;
  readonly foundIn: string;
  readonly stage: OpenedCase['case']['stage'];
  readonly phase: Phase;
  readonly releases: readonly TriedRelease[];
  /** The lowest release on which the reproducer stays silent. */
  readonly fixedIn: string | null;
  /** The fix is verified on a release, and nobody has taken the step. */
  readonly isStepDue: boolean;
  readonly stale: StaleFix | null;
  readonly chasedAt: Date | null;
  readonly reopenedAs: string | null;
  readonly reopens: string | null;
}

interface ShowParts extends Pick<TrialParts, 'vault'> {
  readonly disclosure: Pick<Disclosure, 'findIn' | 'instantIn'>;
  readonly claims: (tx: Transaction, caseId: string) => Promise<FixFacts['claims']>;
}

interface ChaseParts extends ShowParts {
  readonly disclosure: ShowParts['disclosure'] & Pick<Disclosure, 'remindIn' | 'note'>;
}

export type ChaseRefusal =
  | { readonly kind: 'no-such-case' }
  | { readonly kind: 'nothing-stale' }
  | { readonly kind: 'asked-already'; readonly at: Date }
  /** A second report by such a channel would be a second case to its reader. */
  | { readonly kind: 'only-by-hand'; readonly channel: string };

export async function showCase(tx: Transaction, parts: ShowParts, id: string): Promise<CaseFollowUp | undefined> {
  const opened = await parts.disclosure.findIn(tx, id);
  if (opened?.case.kind !== 'real') return undefined;
  const store = createFollowupStore(tx);
  const releases = await readReleases(tx, parts, opened);
  const tried = releases.flatMap(({ source, version, outcome }) =>
    outcome === null ? [] : [{ source, version, outcome }],
  );
  const chased = await store.lastChase(id);
  const phase = phaseOf(opened);
  const { at: now } = await parts.disclosure.instantIn(tx);
  const fixedIn = firstFixed(tried) ?? null;
  const named = packageOf(opened.finding);
  return {
    caseId: id,
    package: named.name,
    foundIn: named.version,
    stage: opened.case.stage,
    phase,
    releases,
    fixedIn,
    isStepDue: phase === 'with-maintainers' && fixedIn !== null,
    stale: staleFixOf({
      ...{ phase, tried, now, chasedAt: chased?.at ?? null },
      patchedAt: opened.case.facts.F ?? null,
      claims: await parts.claims(tx, id),
      staleDays: (await store.settings()).staleDays,
    }),
    chasedAt: chased?.at ?? null,
    reopenedAs: await store.reopenedAs(id),
    reopens: await store.reopens(id),
  };
}

async function readReleases(tx: Transaction, { vault }: ShowParts, opened: OpenedCase): Promise<TriedRelease[]> {
  const releases: TriedRelease[] = [];
  for (const row of await createFollowupStore(tx).releasesOf(opened.case.id)) {
    const release = await openRelease(tx, vault, opened, row);
    const kept = row.trial && (await vault.openJson<KeptTrial>(tx, opened.keyId, row.trial, `trial ${row.id}`));
    releases.push({ ...release, seenAt: row.seenAt, outcome: row.outcome, reason: kept?.reason ?? null });
  }
  return releases;
}

/** One letter to those who were sent the report; asked again only after as many days once more. */
export async function chase(
  tx: Transaction,
  parts: ChaseParts,
  id: string,
  actor: string,
): Promise<Result<StaleFix, ChaseRefusal>> {
  const store = createFollowupStore(tx);
  await store.takeTurn(id);
  const opened = await parts.disclosure.findIn(tx, id);
  const shown = await showCase(tx, parts, id);
  if (!opened || !shown) return refuse({ kind: 'no-such-case' });
  if (!shown.stale) return refuse({ kind: 'nothing-stale' });
  if (!shown.stale.mayChase && shown.chasedAt) return refuse({ kind: 'asked-already', at: shown.chasedAt });
  const last = await store.lastChase(id);
  const sent = await parts.disclosure.remindIn(tx, opened, letterOf(opened, shown.stale));
  if (!sent.ok) return refuse({ kind: 'only-by-hand', channel: sent.refusal.channel });
  const { at } = await parts.disclosure.instantIn(tx);
  await store.insertChase(id, (last?.round ?? 0) + 1, { actor, at });
  await parts.disclosure.note(tx, opened, 'maintainers asked about the release of their fix', actor);
  return ok(shown.stale);
}

function letterOf(opened: OpenedCase, { why, since }: StaleFix): { readonly subject: string; readonly text: string } {
  const id = advisoryIdOf(opened.case);
  const day = since.toISOString().slice(0, 10);
  const said =
    why === 'patched and not released'
      ? `A fix has been in your repository since ${day} (UTC), as far as we know, and we have seen no release with it.`
      : `It was called fixed on ${day} (UTC). On no release that we have seen is our reproducer silent.`;
  const due = 'dueAt' in opened.case && opened.case.dueAt;
  return {
    subject: `${id}: is there a release with the fix? (${titleOf(opened.finding)})`,
    text: [
      `This is about our report ${id}.`,
      '',
      said,
      '',
      'Is a release planned, and is there something we can do for it? If it is released already, tell us the version:',
      'we run the reproducer on it. If you need more time, say so.',
      ...(due ? ['', `The deadline agreed so far: ${due.toISOString().slice(0, 16).replace('T', ' ')} UTC.`] : []),
      '',
      'Origin: this reminder was written by an automated follow-up; a person answers for it.',
    ].join('\n'),
  };
}
