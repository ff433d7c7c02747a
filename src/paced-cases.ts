/** What `pacing` is told of the cases of `disclosure`, and how it sends: joined here, because neither knows the other. */
import type { CaseSummary, Disclosure, OpenedCase } from './disclosure/index.ts';
import { createEgress, explainEgress, namedOrigins } from './egress/index.ts';
import type { PacedCase, PacingParts } from './pacing/index.ts';
import type { Chains } from './triage/index.ts';

type CasePorts = Pick<PacingParts, 'cases' | 'notify'>;

/** Where nobody asks for chains, there are none. */
const NO_CHAINS: Pick<Chains, 'chained'> = { chained: async () => new Set() };

export function createPacedCases(
  disclosure: Pick<Disclosure, 'list' | 'find' | 'takeIn'>,
  chains = NO_CHAINS,
): CasePorts {
  return {
    async cases(known) {
      const chained = await chains.chained();
      const paced: PacedCase[] = [];
      const isOpen = ({ id, kind }: CaseSummary): boolean => kind === 'real' && !known.has(id);
      for (const { id } of (await disclosure.list()).filter(isOpen)) {
        const opened = await disclosure.find(id);
        if (opened) paced.push(toPaced(opened, chained.has(id)));
      }
      return paced;
    },
    notify: (tx, id, by) => disclosure.takeIn(tx, 'notify', id, by),
  };
}

function toPaced({ case: it, finding }: OpenedCase, isChained: boolean): PacedCase {
  const { facts } = it;
  return {
    id: it.id,
    target: finding.target,
    place: finding.sink?.file ?? null,
    vector: finding.severity.vector,
    isAttacked: facts.A !== undefined,
    isExploitPublic: facts.X !== undefined,
    isChained,
    foundAt: it.openedAt,
    isReady: it.stage === 'confirmed',
    sentAt: 'notifiedAt' in it ? it.notifiedAt : null,
    ended: endOf(it),
  };
}

/** The text at a web address, by the egress guard. */
export function createTextFetch(allowedOrigins: readonly string[]) {
  return async (url: string): Promise<{ readonly text: string } | { readonly trouble: string }> => {
    const egress = createEgress({ named: namedOrigins(allowedOrigins) });
    const answer = await egress.request({ url });
    if (!answer.ok) return { trouble: explainEgress(answer.refusal) };
    const { status, body } = answer.value;
    return status === 200 ? { text: body.toString('utf8') } : { trouble: `the server answered ${status}` };
  };
}

/** When it stopped being the maintainers' to mend. */
function endOf(it: OpenedCase['case']): PacedCase['ended'] {
  switch (it.stage) {
    case 'fix-released':
      return { at: it.facts.D ?? it.notifiedAt, how: 'fixed' };
    case 'disclosed':
      return it.facts.D ? { at: it.facts.D, how: 'fixed' } : { at: it.closedAt, how: 'missed' };
    case 'rejected':
    case 'withdrawn':
      return { at: it.closedAt, how: 'answered' };
    case 'received':
    case 'confirmed':
    case 'notified':
    case 'acknowledged':
    case 'patched':
      return null;
  }
}
