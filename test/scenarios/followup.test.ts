/** After a flaw was found: its releases watched, its past looked at again, its CNA named, all from the command line. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createInstallation, FIXTURE_PACKAGES, type Installation } from '../support/installation.ts';

const NAME = 'headstart-fixture-pollution';

let installation: Installation;
let id: string;

const json = async (code: number, ...args: readonly string[]) =>
  JSON.parse((await installation.expect(code, ...args, '--json')).stdout);

before(async () => {
  installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  await installation.expect(0, 'scan', `pkg:npm/${NAME}@1.0.0`);
  const cases: { id: string; kind: string; target: string }[] = await json(0, 'case', 'list');
  assert.equal(cases.length, 1);
  assert.equal(cases[0]?.kind, 'real');
  id = cases[0]?.id ?? '';
});
after(() => installation?.close());

test('the newest release is found in the registry, the reproducer is run on it, and the case tells what came of it', async () => {
  const run = await json(0, 'watch', 'run');
  assert.deepEqual([run.looks, run.failed, run.trials.length], [1, 0, 1]);
  assert.deepEqual(
    [run.trials[0].case, run.trials[0].version, run.trials[0].outcome, run.trials[0].consequence],
    [id, '1.0.1', 'fixed', 'fix-seen'],
  );
  const again = await json(0, 'watch', 'run');
  assert.deepEqual(again.trials, []);
  const shown = await json(0, 'case', 'show', id);
  assert.deepEqual([shown.fixedVersion, shown.followUp.fixedIn, shown.followUp.stepDue], ['1.0.1', '1.0.1', false]);
  assert.deepEqual(
    (await json(0, 'watch', 'list')).map((each: { package: string }) => each.package),
    [NAME],
  );
  const none = await installation.expect(5, 'follow', id, '--chase');
  assert.match(none.stderr, /no fix of this case is stale/);
});

test('a version that a past advisory calls fixed is searched, and what is found there says which fix it may show to be incomplete', async () => {
  const advisory = {
    ...{ id: 'X-2020-1', aliases: ['CVE-2020-0001'], database_specific: { cwe_ids: ['CWE-1321'] } },
    affected: [
      {
        package: { ecosystem: 'npm', name: NAME },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.0.0' }] }],
      },
    ],
  };
  await installation.expect(0, 'feed', 'import', 'osv', installation.write('osv.json', advisory));
  const audited = await json(0, 'reaudit', NAME);
  assert.deepEqual(audited.candidates, [{ case: id, advisories: ['CVE-2020-0001', 'X-2020-1'] }]);
  const shown = await json(0, 'case', 'show', id);
  assert.deepEqual(shown.incompleteFixOf, ['CVE-2020-0001', 'X-2020-1']);
  assert.ok(shown.history.some(({ event }: { event: string }) => event === 'candidate for an incomplete fix'));
  assert.match(
    (await installation.expect(0, 'export', id, '--format', 'report')).stdout,
    /called fixed by\s+CVE-2020-0001/,
  );
  await installation.expect(4, 'reaudit', 'no-such-package');
});

test('the CNA whose scope names the package is shown with the case, and a mitigation once it is accepted', async () => {
  const cna = { shortName: 'fixtures', organizationName: 'Fixtures', scope: `All issues in ${NAME}.` };
  await installation.expect(0, 'feed', 'import', 'cna', installation.write('cnas.json', [cna]));
  await installation.expect(0, 'case', 'mitigation', id, '--accept');
  const shown = await json(0, 'case', 'show', id);
  assert.deepEqual(
    shown.cnas.map(({ shortName, because }: { shortName: string; because: string }) => [shortName, because]),
    [['fixtures', 'its scope names the package']],
  );
  assert.match(shown.mitigation, /__proto__/);
  assert.match((await installation.expect(0, 'export', id, '--format', 'markdown')).stdout, /Until you have a fix/);
});

test('what verification rejected is drawn for a second look, and a person decides', async () => {
  await installation.expect(0, 'second-look', 'set', '--per-thousand', '1000');
  const looks: { id: string; kind: string }[] = await json(0, 'second-look', 'list');
  for (const { id: look } of looks) {
    await installation.expect(
      0,
      'second-look',
      'decide',
      look,
      '--verdict',
      'stands',
      '--reviewer',
      'ada',
      '--note',
      'x',
    );
  }
  const { kinds } = await json(0, 'second-look', 'figures');
  const decided = kinds.reduce(
    (sum: number, { withMachine }: { withMachine: { of: number } }) => sum + withMachine.of,
    0,
  );
  assert.equal(decided, looks.length);
  await installation.expect(
    4,
    'second-look',
    'decide',
    'second_0',
    '--verdict',
    'stands',
    '--reviewer',
    'a',
    '--note',
    'x',
  );
});
