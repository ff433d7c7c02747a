/**
 * What has happened to a vulnerability in the world (Vultron's case state): six facts that only ever become true.
 * A state is written as six letters, `vfdpxa` to `VFDPXA`; of the 64, 32 can occur, and of the 720 orders of events 70.
 *
 *   V vendor aware   F fix ready   D fix deployed   P public aware   X exploit public   A attacks observed
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { NoArrow } from './machine.ts';

export const CASE_EVENTS = ['V', 'F', 'D', 'P', 'X', 'A'] as const;
export type CaseEvent = (typeof CASE_EVENTS)[number];

/** When each fact became true. */
export type CaseFacts = Readonly<Partial<Record<CaseEvent, Date>>>;

/** An event that makes another one follow at once: who publishes an exploit publishes the flaw, and vendors read. */
function mustFollow(facts: CaseFacts): CaseEvent | undefined {
  if (facts.X && !facts.P) return 'P';
  if (facts.P && !facts.V) return 'V';
  return undefined;
}

const REQUIRES: Readonly<Partial<Record<CaseEvent, CaseEvent>>> = { F: 'V', D: 'F' };

export function advanceFacts(facts: CaseFacts, event: CaseEvent, now: Date): Result<CaseFacts, NoArrow> {
  const refused = refuse<NoArrow>({ kind: 'no-arrow', machine: 'case', state: lettersOf(facts), event });
  const due = mustFollow(facts);
  const required = REQUIRES[event];
  if (facts[event] || (due && due !== event) || (required && !facts[required])) return refused;
  return ok({ ...facts, [event]: now });
}

/** The event and whatever must follow it at once. */
export function withConsequences(facts: CaseFacts, event: CaseEvent, now: Date): Result<CaseFacts, NoArrow> {
  let outcome = advanceFacts(facts, event, now);
  while (outcome.ok) {
    const due = mustFollow(outcome.value);
    if (!due) break;
    outcome = advanceFacts(outcome.value, due, now);
  }
  return outcome;
}

export function lettersOf(facts: CaseFacts): string {
  return CASE_EVENTS.map((event) => (facts[event] ? event : event.toLowerCase())).join('');
}

/** The secret is out: public knowledge, a public exploit, or an attack. No embargo can begin or go on. */
export const isOut = (facts: CaseFacts): boolean => Boolean(facts.P ?? facts.X ?? facts.A);
