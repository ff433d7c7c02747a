/** What `triage` is told of the cases of `disclosure`, and how it steps one: joined here, because neither knows the other. */
import { type Disclosure, isClosed, packageOf } from './disclosure/index.ts';
import type { TriageParts } from './triage/index.ts';

type CasePorts = Pick<TriageParts, 'openCases' | 'findCase' | 'exploited'>;

/** Who rates a finding of our own: the verification that reproduced it. */
const OWN_RATER = 'verification';

export function createTriagedCases(disclosure: Pick<Disclosure, 'realCases' | 'findIn' | 'takeIn'>): CasePorts {
  return {
    async openCases() {
      return (await disclosure.realCases()).filter((each) => !each.isClosed).map(({ id }) => id);
    },
    async findCase(tx, id) {
      const opened = await disclosure.findIn(tx, id);
      if (opened?.case.kind !== 'real' || isClosed(opened.case)) return undefined;
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
