/** What must hold between the three machines of a case, whatever way it came there. */
import type { Case } from './case.ts';
import { isClosed } from './case.ts';
import { isOut, lettersOf } from './case-events.ts';
import { isInForce } from './embargo.ts';

interface Invariant {
  readonly name: string;
  readonly holds: (it: Case) => boolean;
}

const vendorsOf = (it: Case) => it.parties.filter(({ role }) => role === 'vendor');
const wasTold = (it: Case) => vendorsOf(it).some(({ report }) => report !== 'start');

const INVARIANTS: readonly Invariant[] = [
  {
    name: 'an embargo is neither proposed nor in force once the secret is out',
    holds: (it) => !isOut(it.facts) || it.embargo === 'none' || it.embargo === 'exited',
  },
  { name: 'an embargo binds only those who know', holds: (it) => !isInForce(it.embargo) || wasTold(it) },
  { name: 'a closed case binds nobody', holds: (it) => !isClosed(it) || !isInForce(it.embargo) },
  {
    name: 'a vendor who was told is aware',
    holds: (it) => !wasTold(it) || lettersOf(it.facts).startsWith('V'),
  },
  { name: 'a fix is ready only with somebody who knows', holds: (it) => !it.facts.F || Boolean(it.facts.V) },
  { name: 'what is disclosed is public', holds: (it) => it.stage !== 'disclosed' || Boolean(it.facts.P) },
  {
    name: 'a simulated party or clock makes a demonstration',
    holds: (it) =>
      it.kind === 'demonstration' || (it.time === 'real' && it.parties.every(({ simulated }) => !simulated)),
  },
  {
    name: 'before the report is sent no vendor has it',
    holds: (it) => (it.stage !== 'received' && it.stage !== 'confirmed') || !wasTold(it),
  },
];

/** The names of the invariants the case breaks; none for a sound case. */
export function brokenInvariants(it: Case): readonly string[] {
  return INVARIANTS.filter(({ holds }) => !holds(it)).map(({ name }) => name);
}
