import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  advanceFacts,
  CASE_EVENTS,
  type CaseEvent,
  type CaseFacts,
  lettersOf,
} from '../../src/disclosure/case-events.ts';
import { advanceEmbargo, type EmbargoEvent, type EmbargoState } from '../../src/disclosure/embargo.ts';
import { followAll } from '../../src/disclosure/machine.ts';
import { needs, readVector, vectorPath } from './vectors.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

interface CaseStates {
  readonly states: readonly { readonly state: string }[];
  readonly transitions: readonly { readonly from: string; readonly event: CaseEvent; readonly to: string }[];
  readonly histories: readonly { readonly history: string }[];
}

function orderings(events: readonly CaseEvent[]): string[] {
  if (events.length === 0) return [''];
  return events.flatMap((first) => orderings(events.filter((each) => each !== first)).map((rest) => first + rest));
}

const take = (facts: CaseFacts, event: CaseEvent) => advanceFacts(facts, event, NOW);

test('of the 720 orders of the six events exactly the 70 histories are accepted', needs('vultron'), () => {
  const { histories } = readVector(vectorPath('vultron/case-states.json')) as CaseStates;
  const all = orderings(CASE_EVENTS);
  assert.equal(all.length, 720);
  const accepted = all.filter((order) => followAll(take, {}, [...order] as CaseEvent[]).ok);
  assert.deepEqual(accepted.sort(), histories.map(({ history }) => history).sort());
  assert.equal(accepted.length, 70);
});

test('exactly the 32 states are reached, by exactly the 58 transitions', needs('vultron'), () => {
  const { states, transitions } = readVector(vectorPath('vultron/case-states.json')) as CaseStates;
  const seen = new Map<string, CaseFacts>([['vfdpxa', {}]]);
  const taken = new Set<string>();
  for (const [from, facts] of seen) {
    for (const event of CASE_EVENTS) {
      const next = take(facts, event);
      if (!next.ok) continue;
      const to = lettersOf(next.value);
      taken.add(`${from} ${event} ${to}`);
      if (!seen.has(to)) seen.set(to, next.value);
    }
  }
  assert.deepEqual([...seen.keys()].sort(), states.map(({ state }) => state).sort());
  assert.deepEqual([...taken].sort(), transitions.map(({ from, event, to }) => `${from} ${event} ${to}`).sort());
});

test('of all strings of up to seven embargo actions exactly the 72 are accepted', needs('vultron'), () => {
  const { accepted } = readVector(vectorPath('vultron/embargo-management.json')) as { accepted: string[] };
  const EVENT: Record<string, EmbargoEvent> = { p: 'propose', r: 'reject', a: 'accept', t: 'terminate' };
  const found: string[] = [];
  const search = (text: string, state: EmbargoState): void => {
    if (text.length > 0 && (state === 'none' || state === 'exited')) found.push(text);
    if (text.length === 7) return;
    for (const [letter, event] of Object.entries(EVENT)) {
      const next = advanceEmbargo(state, event);
      if (next.ok) search(text + letter, next.value);
    }
  };
  search('', 'none');
  assert.deepEqual(found.sort(), [...accepted].sort());
  assert.equal(found.length, 72);
});
