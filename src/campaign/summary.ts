/** The one-screen summary of a campaign, and its JSON form (the contract of `npm start -- --exit --json`). */
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';

export interface CampaignSummary {
  readonly targets: number;
  readonly confirmed: number;
  readonly byClass: Readonly<Partial<Record<FlawClass, number>>>;
  readonly cases: number;
  readonly commitments: number;
  readonly patchesVerified: number;
  /** Of the verified patches: the package's own tests are no worse, or could not be run. Absent in older summaries. */
  readonly ownTests?: { readonly noWorse: number; readonly notRun: number };
  readonly advisories: number;
  readonly logVerified: boolean;
  readonly seconds: number;
  /** The demonstration of a release that followed. Absent in older summaries. */
  readonly release?: ReleaseShown;
}

/** A model that is marked as a demonstration: what opened it, and how soon an incident closed it. */
export interface ReleaseShown {
  readonly model: string;
  readonly stage: string;
  readonly decisionSha256: string;
  readonly replayed: boolean;
  readonly refusedAfterMs: number;
  /** Closed, reviewed, opened in two stages. */
  readonly restored: boolean;
  readonly seconds: number;
}

/** What a campaign promised to show: every class it named is confirmed, patched and published, and the log verifies. */
export interface CampaignExpectation {
  readonly targets: number;
  readonly classes: readonly FlawClass[];
}

/** Why the campaign did not do all it set out to do; empty when all of it worked. */
export function shortfalls(summary: CampaignSummary, expected: CampaignExpectation): string[] {
  const wrong: string[] = [];
  if (summary.targets < expected.targets) {
    wrong.push(`${expected.targets - summary.targets} of ${expected.targets} targets could not be examined`);
  }
  for (const flaw of expected.classes) {
    if (!summary.byClass[flaw]) wrong.push(`no ${flaw} was confirmed`);
  }
  if (summary.commitments < summary.cases) wrong.push('a case has no commitment in the log');
  if (summary.patchesVerified < expected.classes.length) {
    wrong.push(`${summary.patchesVerified} of ${expected.classes.length} patches were verified`);
  }
  if (summary.advisories < expected.classes.length) {
    wrong.push(`${summary.advisories} of ${expected.classes.length} advisories were published`);
  }
  if (!summary.logVerified) wrong.push('the public log does not verify');
  const { release } = summary;
  if (release && !(release.stage === 'partners' && release.replayed && release.restored)) {
    wrong.push(`the demonstration model is at ${release.stage}, and not all of its demonstration worked`);
  }
  return wrong;
}

export function toSummaryText(summary: CampaignSummary, wrong: readonly string[]): string {
  const { ownTests, release } = summary;
  const classes = Object.entries(summary.byClass).map(
    ([flaw, count]) => `    ${FLAW_CLASSES[flaw as FlawClass].title.padEnd(44)} ${count}`,
  );
  return [
    '─'.repeat(64),
    `  targets examined    ${summary.targets}`,
    `  confirmed flaws     ${summary.confirmed}   (each 3 of 3 in fresh sandboxes, silent on a stub)`,
    ...classes,
    `  cases opened        ${summary.cases}`,
    `  commitments in log  ${summary.commitments}`,
    `  patches verified    ${summary.patchesVerified}`,
    ...(ownTests ? [`    own tests         ${ownTests.noWorse} no worse, ${ownTests.notRun} not run`] : []),
    `  advisories          ${summary.advisories}`,
    `  log verified        ${summary.logVerified ? 'yes' : 'NO'}`,
    ...(release ? releaseLines(release) : []),
    `  took                ${summary.seconds.toFixed(1)} s`,
    ...wrong.map((reason) => `  ✗ ${reason}`),
    '─'.repeat(64),
  ].join('\n');
}

function releaseLines({ model, stage, replayed, refusedAfterMs, restored, seconds }: ReleaseShown): readonly string[] {
  return [
    `  demonstration model ${stage}   (${model}; decision ${replayed ? 'replayed' : 'NOT REPLAYED'}; ${seconds.toFixed(1)} s)`,
    `    incident          refused at the gate after ${refusedAfterMs} ms, ${restored ? 'reviewed and restored' : 'NOT RESTORED'}`,
  ];
}
