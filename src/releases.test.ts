/** On a real log: which cases count for the head start of defenders. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, okOf, type World } from '../test/support/programme.ts';
import type { ReportedFinding } from './policy/index.ts';
import { readFindings } from './releases.ts';

const DAY = new Date('2026-11-01T00:00:00Z');
const ROOTS = { first: 'a'.repeat(64), second: 'b'.repeat(64), alone: 'c'.repeat(64) };
let world: World;
before(async () => {
  world = await createWorld();
  for (const [id, root] of Object.entries(ROOTS)) {
    await world.database.transaction(async (tx) => {
      const statement = { commitment: commitmentOf(id), schema: 'headstart-finding/v1', root, openedBy: '2027-02-01' };
      okOf(await world.log.append(tx, { type: 'commitment', ...statement }));
    });
  }
});
after(() => world.close());

const commitmentOf = (id: string) => `commitment_${Buffer.from(id.padEnd(16)).toString('hex')}` as const;

interface Kept {
  readonly id: string;
  readonly kind: string;
  readonly commitment: string;
  readonly root: string;
}

const servicesOf = (cases: readonly Kept[], reviewed: ReadonlyMap<string, string>) =>
  ({
    log: world.log,
    triage: { reviewedSeverity: async (id: string) => reviewed.get(id) },
    disclosure: {
      list: async () => cases,
      find: async (id: string) => {
        const it = cases.find((each) => each.id === id);
        return {
          case: { facts: { V: DAY, F: DAY } },
          finding: { severity: { severity: 'high' } },
          commitment: { id: commitmentOf(it?.commitment ?? ''), root: it?.root },
        };
      },
    },
  }) as never;

const CASES: readonly Kept[] = [
  { id: 'case_1', kind: 'real', commitment: 'first', root: ROOTS.first },
  { id: 'case_2', kind: 'real', commitment: 'second', root: 'd'.repeat(64) },
  { id: 'case_3', kind: 'real', commitment: 'never', root: ROOTS.second },
  { id: 'case_4', kind: 'demonstration', commitment: 'first', root: ROOTS.first },
];

test('a case counts only if the verified log holds its commitment with the same root; a commitment without a case is named', async () => {
  const { findings, uncommitted, withoutCase } = okOf(await readFindings(servicesOf(CASES, new Map()), 'real'));
  assert.equal(findings.length, 1);
  assert.deepEqual(uncommitted, ['case_2', 'case_3']);
  assert.deepEqual(withoutCase, [commitmentOf('alone')]);
});

test('a severity is what a reviewer found, else what was proposed, and says which', async () => {
  const read = async (reviewed: ReadonlyMap<string, string>): Promise<readonly ReportedFinding[]> =>
    okOf(await readFindings(servicesOf(CASES, reviewed), 'real')).findings;
  const told = (findings: readonly ReportedFinding[]) =>
    findings.map(({ severity, severityBy }) => [severity, severityBy]);
  assert.deepEqual(told(await read(new Map())), [['high', 'proposal']]);
  assert.deepEqual(told(await read(new Map([['case_1', 'low']]))), [['low', 'review']]);
});
