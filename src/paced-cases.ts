/** What `pacing` is told of the cases of `disclosure`, and how it sends: joined here, because neither knows the other. */
import type { Coordination } from './coordination/index.ts';
import type { Disclosure, OpenedCase } from './disclosure/index.ts';
import { createEgress, explainEgress, namedOrigins } from './egress/index.ts';
import type { Exposure } from './exposure/index.ts';
import { refuse } from './lib/result.ts';
import { outcomeOf, type PacedCase, type Pacing, type PacingParts, readOutcome } from './pacing/index.ts';
import type { Transaction } from './store/database.ts';
import type { Chains, Triage, TriageDecision } from './triage/index.ts';

/** Who asked for another pace. */
const MAINTAINER = 'the maintainer';

type CasePorts = Pick<PacingParts, 'cases' | 'notify'>;

interface Known {
  readonly disclosure: Pick<Disclosure, 'realCases' | 'find' | 'findIn' | 'takeIn'>;
  readonly triage: Pick<Triage, 'find'>;
  readonly chains: Pick<Chains, 'chained'>;
  readonly exposure: Pick<Exposure, 'countPartners'>;
}

export function createPacedCases({ disclosure, triage, chains, exposure }: Known): CasePorts {
  return {
    async cases(known) {
      const chained = await chains.chained();
      const paced: PacedCase[] = [];
      for (const { id } of (await disclosure.realCases()).filter((each) => !known.has(each.id))) {
        const opened = await disclosure.find(id);
        if (!opened) continue;
        const decided = await triage.find(id);
        const dependents = await exposure.countPartners(id);
        paced.push({ ...toPaced(opened, decided?.decision, chained.has(id)), dependents });
      }
      return paced;
    },
    async notify(tx, id, { mustReach, ...by }) {
      const messages = async () => (await disclosure.findIn(tx, id))?.messages ?? [];
      const before = new Set(mustReach ? (await messages()).map((each) => each.id) : []);
      const taken = await disclosure.takeIn(tx, 'notify', id, by);
      if (!taken.ok || !mustReach) return taken;
      // What would lie here, sent to nobody, must not have its clock run: refused, all of this is undone.
      const fresh = (await messages()).filter((each) => !before.has(each.id));
      return fresh.some(({ channel }) => channel === 'file') ? refuse({ kind: 'no-address' }) : taken;
    },
  };
}

function toPaced(
  { case: it, finding }: OpenedCase,
  decision: TriageDecision | undefined,
  isChained: boolean,
): Omit<PacedCase, 'dependents'> {
  const { facts } = it;
  const known = { isAttacked: facts.A !== undefined, isExploitPublic: facts.X !== undefined };
  // Until triage has kept its first decision the case itself says what it can.
  const outcome = decision ? readOutcome(decision.supplier.value) : outcomeOf(finding.severity.vector, known);
  if (!outcome) throw new Error(`the supplier's table gave ${decision?.supplier.value} for ${it.id}`);
  return {
    id: it.id,
    target: finding.target,
    place: finding.sink?.file ?? null,
    outcome,
    isExploited: decision?.exploitation.value === 'active' || known.isAttacked || known.isExploitPublic,
    isChained,
    foundAt: it.openedAt,
    isReady: it.stage === 'confirmed',
    sentAt: 'notifiedAt' in it ? it.notifiedAt : null,
    ended: endOf(it),
  };
}

/** A maintainer who asks for fewer or more, sets the pace of the project; one of a demonstration sets nothing. */
export function createPaceWords(disclosure: Pick<Disclosure, 'findIn'>, pacing: Pick<Pacing, 'askIn'>) {
  return async (tx: Transaction, caseId: string, asked: 'fewer' | 'more', actor: string): Promise<boolean> => {
    const opened = await disclosure.findIn(tx, caseId);
    if (opened?.case.kind !== 'real') return false;
    return (await pacing.askIn(tx, opened.finding.target, asked, actor)) !== undefined;
  };
}

/** An answer of a maintainer that asks for fewer or more also sets the project's pace. */
export function withPace(
  coordination: Coordination,
  setPace: ReturnType<typeof createPaceWords>,
): Pick<Coordination, 'findIn' | 'changeIn'> {
  return {
    findIn: coordination.findIn,
    async changeIn(tx, id, change, who) {
      const made = await coordination.changeIn(tx, id, change, who);
      if (made.ok && change.kind === 'answered' && change.what === 'pace') {
        await setPace(tx, id, change.text.startsWith('fewer') ? 'fewer' : 'more', MAINTAINER);
      }
      return made;
    },
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
