/** The whole path on one package: found, proven, sealed, disclosed, patched, published, and checked by a stranger. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readEntry, type Statement } from '../../src/tlog/entry.ts';
import {
  createInstallation,
  type Ended,
  FIXTURE_PACKAGES,
  type Installation,
  REPOSITORY,
  watch,
} from '../support/installation.ts';

const VULNERABLE = 'pkg:npm/headstart-fixture-pollution@1.0.0';
const FIXED = 'pkg:npm/headstart-fixture-pollution@1.0.1';
const CAMPAIGN = {
  name: 'scenario',
  seed: 1,
  targets: [
    {
      target: VULNERABLE,
      known: [{ ids: ['HEADSTART-DEMO-1001'], class: 'prototype-pollution', fixedVersion: '1.0.1' }],
    },
    { target: FIXED },
  ],
};

interface ShownCase {
  readonly id: string;
  readonly stage: string;
  readonly findingId: string;
  readonly entry: string;
  readonly reproducerSha256: string;
  readonly hasPatch: boolean;
  readonly fixedVersion: string;
  readonly commitment: { readonly id: string; readonly root: string };
  readonly history: readonly { readonly event: string; readonly actor: string }[];
  readonly messages: readonly { readonly channel: string; readonly state: string }[];
}

let installation: Installation;
let run: Ended;
let shown: ShownCase;
/** Which transaction inserted a row of which table, oldest first. */
let inserts: readonly { readonly relation: string; readonly transaction: string }[];
let statements: readonly Statement[];
/** A stranger's copy of the public directory. */
let published: string;

before(async () => {
  installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  await installation.expect(0, 'case', 'list');
  await installation.inDatabase(async (database) => {
    await database.query('create table public.inserts (relation text, transaction xid8, at bigserial)');
    await database.query(`create function public.note_insert() returns trigger language plpgsql as $$
      begin insert into public.inserts values (tg_table_schema || '.' || tg_table_name, pg_current_xact_id()); return null; end $$`);
    for (const table of [
      'verify.findings',
      'disclosure.cases',
      'disclosure.clocks',
      'disclosure.details',
      'tlog.entries',
      'graphile_worker._private_jobs',
    ]) {
      await database.query(
        `create trigger note_insert after insert on ${table} for each row execute function public.note_insert()`,
      );
    }
  });
  const campaign = installation.write('campaign.json', CAMPAIGN);
  run = await installation.run('start', '--exit', '--json', '--campaign', campaign);
  const [listed] = JSON.parse((await installation.expect(0, 'case', 'list', '--json')).stdout) as { id: string }[];
  assert.ok(listed, `no case was opened:\n${run.stderr}`);
  shown = JSON.parse((await installation.expect(0, 'case', 'show', listed.id, '--reveal', '--json')).stdout);
  await installation.inDatabase(async (database) => {
    inserts = (
      await database.query<{ relation: string; transaction: string }>(
        'select relation, transaction::text from public.inserts order by at',
      )
    ).rows;
    const { rows } = await database.query<{ body: Buffer }>('select body from tlog.entries order by index');
    statements = rows.map(({ body }) => {
      const read = readEntry(body);
      assert.ok(read.ok);
      return read.value.statement;
    });
  });
  published = join(installation.folder, 'copy-of-public');
  cpSync(installation.public, published, { recursive: true });
});

after(() => installation?.close());

test('a campaign in which everything worked ends with 0 and tells it in one JSON value', () => {
  assert.equal(run.code, 0, run.stderr);
  const { seconds, release, ...summary } = run.json[0] ?? {};
  assert.equal(typeof seconds, 'number');
  assert.equal((release as { stage: string }).stage, 'partners');
  assert.deepEqual(summary, {
    targets: 2,
    confirmed: 1,
    byClass: { 'prototype-pollution': 1 },
    cases: 1,
    commitments: 1,
    patchesVerified: 1,
    ownTests: { noWorse: 0, notRun: 1 },
    advisories: 1,
    logVerified: true,
  });
});

test('the flaw is found where it is, without a word about it', () => {
  const source = readFileSync(join(FIXTURE_PACKAGES, 'headstart-fixture-pollution/1.0.0/index.js'), 'utf8').split('\n');
  assert.match(shown.entry, /\.set\(/);
  const [, line] = /headstart-fixture-pollution\/index\.js:(\d+)/.exec(run.stderr) ?? [];
  assert.match(source[Number(line) - 1] ?? '', /^ {2}at\[keys/);
});

test('nothing is confirmed in the fixed version', () => {
  assert.match(run.stderr, new RegExp(`scanned +${FIXED}: `));
  assert.doesNotMatch(run.stderr, new RegExp(`confirmed +${FIXED}`));
  assert.match(run.stderr, /cases opened +1$/m);
});

test('it is confirmed by 3 of 3 runs in fresh sandboxes', () => {
  assert.match(run.stderr, new RegExp(`confirmed +${VULNERABLE} prototype-pollution 3 of 3`));
});

test('the reproducer of a confirmed flaw runs by itself', async () => {
  const { stdout } = await installation.expect(0, 'case', 'show', shown.id, '--reveal', '--json');
  const { reproducer } = JSON.parse(stdout) as { reproducer: string };
  installation.write('by-hand/reproduce.cjs', reproducer);
  const runIn = (version: string) => {
    const packageFolder = join(installation.folder, 'by-hand/node_modules/headstart-fixture-pollution');
    cpSync(join(FIXTURE_PACKAGES, 'headstart-fixture-pollution', version), packageFolder, { recursive: true });
    const cwd = join(installation.folder, 'by-hand');
    return watch(spawn(process.execPath, ['reproduce.cjs'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })).ended;
  };
  assert.equal((await runIn('1.0.0')).code, 0);
  assert.equal((await runIn('1.0.1')).code, 1);
});

test('finding, case, clock, details, commitment and the next job come into being in one transaction', () => {
  const opening = inserts.find(({ relation }) => relation === 'disclosure.cases')?.transaction;
  const together = new Set(
    inserts.filter(({ transaction }) => transaction === opening).map(({ relation }) => relation),
  );
  assert.deepEqual([...together].sort(), [
    'disclosure.cases',
    'disclosure.clocks',
    'disclosure.details',
    'graphile_worker._private_jobs',
    'tlog.entries',
    'verify.findings',
  ]);
  for (const relation of ['verify.findings', 'disclosure.cases', 'disclosure.details']) {
    assert.equal(inserts.filter((insert) => insert.relation === relation).length, 1, relation);
  }
});

test('the affected range is measured by running versions', () => {
  assert.match(run.stderr, /measured .*fixed in 1\.0\.1 \(2 versions run\)/);
  assert.equal(shown.fixedVersion, '1.0.1');
});

test('the maintainer is notified by a sealed letter that says it is a demonstration', async () => {
  assert.deepEqual(
    shown.messages.map(({ channel, state }) => [channel, state]),
    [['file', 'sent']],
  );
  const sealed = await installation.inDatabase((database) =>
    database.query<{ sealed: Buffer }>('select sealed from contact.messages'),
  );
  assert.equal(sealed.rows.length, 1);
  assert.ok(!sealed.rows[0]?.sealed.includes('headstart-fixture-pollution'));
  const { stdout } = await installation.expect(0, 'export', shown.id, '--format', 'report', '--eml');
  assert.match(stdout, /^X-Headstart-Demonstration: yes$/m);
  assert.match(stdout, /headstart-fixture-pollution 1\.0\.0/);
});

test('a patch was attacked and found to mend', () => {
  assert.equal(shown.hasPatch, true);
  assert.match(run.stderr, /patch .*→ fixes/);
});

test('every step of the case is in its history, the answers as simulated ones', () => {
  const steps = shown.history.map(({ event }) => event);
  const expected = ['opened', 'confirm', 'notify', 'acknowledge', 'patch', 'fix-released', 'disclose'];
  assert.deepEqual(
    steps.filter((step) => expected.includes(step)),
    expected,
  );
  const answers = shown.history.filter(({ event }) => ['acknowledge', 'patch', 'fix-released'].includes(event));
  assert.deepEqual([...new Set(answers.map(({ actor }) => actor))], ['simulated maintainer']);
});

test('it is released by two signatures, and the log says that one person gave both', () => {
  const bodies = statements.filter(({ type }) => type === 'release');
  assert.equal(bodies.length, 1);
  const [release] = bodies as unknown as { facts: Record<string, unknown>; documents: { name: string }[] }[];
  assert.equal(release?.facts.releasedBy, 'one person');
  assert.equal(release?.facts.kind, 'demonstration');
  const keys = statements.filter((it) => it.type === 'key' && 'role' in it && it.role === 'release');
  assert.equal(keys.length, 2);
  assert.deepEqual(
    release?.documents.map(({ name }) => name).sort(),
    listFiles('advisories').filter((name) => !name.includes('/proofs/')),
  );
});

test('the log holds one commitment, one opening and one advisory, in this order, and then what the demonstration said', () => {
  const types = statements.map(({ type }) => type).filter((type) => type !== 'key');
  assert.deepEqual(types.slice(0, 4), ['commitment', 'release', 'opening', 'advisory']);
  assert.deepEqual([...new Set(types.slice(4))].sort(), ['journal-head', 'statement']);
});

for (const format of ['csaf', 'osv', 'cve']) {
  test(`the published ${format} document is valid and marked as a demonstration`, async () => {
    const [name, ...others] = readdirSync(join(published, 'advisories', format));
    assert.ok(name !== undefined && others.length === 0);
    const path = join(published, 'advisories', format, name);
    const { stdout } = await installation.expect(0, 'validate', format, path, '--json');
    assert.deepEqual(JSON.parse(stdout), { valid: true, errors: [] });
    assert.match(readFileSync(path, 'utf8'), /DEMONSTRATION/);
  });
}

test('a stranger proves all of it from the public directory alone, without a network', async (context) => {
  const key = join(published, 'log.pub');
  const log = join(published, 'log');
  const home = join(installation.folder, 'stranger');
  const offline = async (...args: readonly string[]): Promise<Ended> => {
    const command = ['--net', process.execPath, join(REPOSITORY, 'src', 'main.ts'), ...args];
    const env = { ...installation.environment, HEADSTART_HOME: home };
    const own = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    return await watch(spawn('unshare', [...own, ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] })).ended;
  };
  if ((await offline('--version')).stderr.includes('unshare')) return context.skip('no network namespace to be had');
  const yes = async (...args: readonly string[]): Promise<string> => {
    const ended = await offline(...args);
    assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.stderr}`);
    return ended.stdout;
  };
  assert.equal(JSON.parse(await yes('log', 'verify', log, '--key', key, '--json')).size, statements.length);
  const proof = join(installation.folder, 'advisory.tlog-proof');
  await yes('log', 'prove', shown.commitment.id, '--log', log, '--key', key, '--out', proof);
  assert.equal(
    JSON.parse(await yes('log', 'check', proof, '--key', key, '--json')).statement.root,
    shown.commitment.root,
  );
  await yes('log', 'overdue', log, '--key', key, '--as-of', '2099-01-01');
  const opened = await installation.expect(0, 'commit', 'open', shown.id, '--field', 'reproducerSha256');
  const opening = installation.write('opening.json', opened.stdout);
  const told = JSON.parse(await yes('commit', 'check', opening, '--log', log, '--key', key, '--json'));
  assert.equal(told.value, shown.reproducerSha256);
});

test('a stranger with another key is told no', async () => {
  const other = 'headstart.local/x+00000000+AcM9YljkxPIXQZArcpB+8l9yyVsb8fKKAa8WEyXFZKYr';
  const ended = await installation.run('log', 'verify', join(published, 'log'), '--key', other, '--no-memory');
  assert.notEqual(ended.code, 0);
});

test('nothing public names how the flaw is reached', () => {
  for (const name of listFiles('')) {
    const content = readFileSync(join(published, name));
    assert.ok(!content.includes(shown.entry), name);
  }
});

test('the second start resumes, says the same and does nothing twice', async () => {
  const again = await installation.expect(0, 'start', '--exit', '--json');
  assert.deepEqual(again.json, run.json);
  assert.ok(!/scanned|confirmed +pkg|published/.test(again.stderr), again.stderr);
  const { stdout } = await installation.expect(0, 'log', 'verify', '--json');
  assert.equal(JSON.parse(stdout).size, statements.length);
});

test('doctor finds nothing wrong afterwards', async () => {
  const { stdout } = await installation.expect(0, 'doctor', '--json');
  assert.equal(JSON.parse(stdout).ok, true);
});

function listFiles(below: string): string[] {
  return readdirSync(join(published, below), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(published.length + 1))
    .sort();
}
