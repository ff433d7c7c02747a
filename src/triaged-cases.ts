/** What `triage` is told of the cases of `disclosure`, and how it steps one: joined here, because neither knows the other. */
import { type CaseSummary, type Disclosure, packageOf } from './disclosure/index.ts';
import type { TriageParts } from './triage/index.ts';

type CasePorts = Pick<TriageParts, 'openCases' | 'findCase' | 'exploited'>;

/** Who rates a finding of our own: the verification that reproduced it. */
const OWN_RATER = 'verification';

const ENDED: readonly CaseSummary['stage'][] = ['disclosed', 'rejected', 'withdrawn'];

export function createTriagedCases(disclosure: Pick<Disclosure, 'list' | 'findIn' | 'takeIn'>): CasePorts {
  return {
    async openCases() {
      const open = (await disclosure.list()).filter(({ kind, stage }) => kind === 'real' && !ENDED.includes(stage));
      return open.map(({ id }) => id);
    },
    async findCase(tx, id) {
      const opened = await disclosure.findIn(tx, id);
      if (opened?.case.kind !== 'real' || ENDED.includes(opened.case.stage)) return undefined;
      const { facts } = opened.case;
      return {
        id,
        project: packageOf(opened.finding).name,
        knownAs: opened.learnt.knownAs,
        claims: [{ rater: OWN_RATER, vector: opened.finding.severity.vector }],
        affected: { purl: opened.finding.target, events: opened.learnt.affected?.events ?? null },
        isAttacked: facts.A !== undefined,
        isExploitPublic: facts.X !== undefined,
      };
    },
    exploited: (tx, id, by) => disclosure.takeIn(tx, 'exploited', id, by),
  };
}
