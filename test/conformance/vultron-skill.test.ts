import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceOf, DESIRED_ORDERS, type DesiredOrder, type EventDays, skillOf } from '../../src/simulate/skill.ts';
import { needs, readVector, vectorPath } from './vectors.ts';

interface CaseStates {
  readonly histories: readonly { readonly history: string; readonly exactFrequency: string }[];
  readonly desiderata: readonly { readonly before: string; readonly after: string; readonly exactDecimal: number }[];
}

const read = () => readVector(vectorPath('vultron/case-states.json')) as CaseStates;

function toDays(history: string): EventDays {
  return Object.fromEntries([...history].map((letter, day) => [letter, day])) as unknown as EventDays;
}

test('the chances of the twelve desired orders are those published', needs('vultron'), () => {
  const { desiderata } = read();
  assert.deepEqual(desiderata.map(({ before, after }) => `${before}<${after}`).sort(), DESIRED_ORDERS.toSorted());
  for (const { before, after, exactDecimal } of desiderata) {
    assert.ok(Math.abs(chanceOf(`${before}<${after}` as DesiredOrder) - exactDecimal) < 1e-9, `${before}<${after}`);
  }
});

test('over the 70 histories as they come by chance the skill is 0 in every order', needs('vultron'), () => {
  const { histories } = read();
  for (const order of DESIRED_ORDERS) {
    let observed = 0;
    for (const { history, exactFrequency } of histories) {
      const [over = 0, under = 1] = exactFrequency.split('/').map(Number);
      observed += (skillOf([toDays(history)])[order].observed * over) / under;
    }
    assert.ok(Math.abs(observed - chanceOf(order)) < 1e-9, `${order}: ${observed}`);
  }
});

test('always is 1, and never is below 0', () => {
  const best = skillOf([toDays('VFDPXA')]);
  const worst = skillOf([toDays('AXPVFD')]);
  for (const order of DESIRED_ORDERS) {
    assert.equal(best[order].alpha, 1);
    assert.ok(worst[order].alpha <= 0 || order === 'P<X' || order === 'X<A' || order === 'P<A');
  }
});
