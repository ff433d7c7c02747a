import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import { ok, refuse } from '../lib/result.ts';
import { createLists, createTriage } from '../triage/index.ts';
import { createTriagedCases } from '../triaged-cases.ts';
import { runCommandLine } from './cli.ts';
import { registerTriageCommands } from './triage.ts';

const CVE = 'CVE-2025-1111';
const FILES: Readonly<Record<string, string>> = {
  'new.json': catalogue('2025-03-02', 1),
  'old.json': catalogue('2025-03-01', 1),
  'wrong.json': catalogue('2025-03-03', 2),
};
function catalogue(day: string, count: number): string {
  const vulnerabilities = [{ cveID: CVE, dateAdded: day, knownRansomwareCampaignUse: 'Unknown' }];
  return JSON.stringify({ catalogVersion: day, dateReleased: `${day}T00:00:00Z`, count, vulnerabilities });
}

let world: World;
before(async () => {
  world = await createWorld({ time: 'real' });
});
after(() => world.close());

async function run(...args: string[]): Promise<{ exit: number; out: Record<string, unknown>; said: string }> {
  const out: unknown[] = [];
  const said: string[] = [];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const triage = createTriage({ ...world, ...createTriagedCases(world.disclosure) });
  const exit = await runCommandLine(args, {
    terminal,
    register: [
      (program) =>
        registerTriageCommands(program, {
          terminal,
          triage: async () => triage,
          lists: async () => createLists(world),
          fetchFeed: async (place) => {
            const text = FILES[place];
            return text === undefined ? refuse({ kind: 'no-file', reason: 'not there' } as const) : ok(text);
          },
        }),
    ],
  });
  return { exit, out: (out[0] ?? {}) as Record<string, unknown>, said: said.join('\n') };
}

test('a feed is imported, decides cases at once, and is refused with the exit code of what is wrong', async () => {
  const vendor = { name: 'A maintainer', address: 'maintainer@example.org', simulated: false };
  const id = await world.open({ vendor, knownAs: [CVE] });
  const imported = await run('feed', 'import', 'kev', 'new.json', '--json');
  assert.deepEqual(
    [imported.exit, imported.out.added, imported.out.redecided, imported.out.version],
    [0, 1, 1, '2025-03-02'],
  );
  const shown = await run('triage', 'show', id, '--json');
  assert.equal(shown.exit, 0);
  assert.equal((shown.out.exploitation as { value: string }).value, 'active');
  assert.match(
    (await run('triage', 'show', id)).said,
    /exploitation: active \(kev\)\n {2}CVE-2025-1111 is in the catalogue/,
  );
  const answered = await run('triage', 'answer', id, 'EXP=S', 'HI=L');
  assert.deepEqual([answered.exit, answered.said], [0, 'who mends it: Immediate; who runs it: Scheduled']);
  const exits = await Promise.all(
    [
      ['feed', 'import', 'kev', 'old.json'],
      ['feed', 'import', 'kev', 'wrong.json'],
      ['feed', 'import', 'kev', 'none.json'],
      ['feed', 'import', 'nosuch', 'new.json'],
      ['triage', 'show', 'case_none'],
      ['triage', 'answer', id, 'EXP=nowhere'],
      ['triage', 'answer', 'case_none', 'EXP=S'],
      ['triage', 'review', 'x', '--rater', 'm', '--claimed', 'high', '--found', 'terrible'],
    ].map(async (args) => (await run(...args)).exit),
  );
  assert.deepEqual(exits, [5, 1, 4, 2, 4, 2, 4, 2]);
});

test('a review changes how far its rater is believed', async () => {
  const { exit, said } = await run(
    'triage',
    'review',
    'finding 1',
    '--rater',
    'm',
    '--claimed',
    'high',
    '--found',
    'low',
  );
  assert.equal(exit, 0);
  assert.match(said, /of m's claims of high, 65 % are taken to hold \(1 reviews\)/);
});
