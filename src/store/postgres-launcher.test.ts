import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { type PostgresOptions, startPostgres } from './postgres-launcher.ts';
import { readPidFile, serverMark } from './postgres-process.ts';
import { StoreError } from './store-error.ts';
import { makeTestDirectory } from './test-directory.ts';

const isRoot = process.geteuid?.() === 0;
const NOBODY = 65534;
const SYSTEM_15 = '/usr/lib/postgresql/15/bin';

let seed: string;
let home: string;
let directory: string;
let data: string;
let children: ChildProcess[] = [];
before(async () => {
  seed = makeTestDirectory('headstart-seed-');
  await (await startPostgres({ directory: join(seed, 'postgres'), throwaway: true })).stop();
});
after(() => rmSync(seed, { recursive: true }));
const useSeed = (): void => void execFileSync('cp', ['-a', join(seed, 'postgres'), directory]);

beforeEach(() => {
  // It is 0700: as root, the server's account cannot walk through it.
  home = makeTestDirectory('headstart-postgres-');
  directory = join(home, 'postgres');
  data = join(directory, 'data');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  if (existsSync(data)) {
    const file = await readPidFile(data).catch(() => undefined);
    if (file && isAlive(file.pid) && cmdline(file.pid).includes(await serverMark(data))) {
      process.kill(file.pid, 'SIGQUIT');
      while (isAlive(file.pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
});

const cmdline = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};
/** Zombies have an empty command line. */
const isAlive = (pid: number): boolean => cmdline(pid) !== '';
const pidOf = async (): Promise<number> => (await readPidFile(data))?.pid ?? 0;
const troubled = (trouble: string, pattern: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.trouble === trouble && pattern.test(error.message);

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
const start = (options: Partial<PostgresOptions> = {}) => startPostgres({ directory, throwaway: true, ...options });

const LAUNCHER = join(import.meta.dirname, 'postgres-launcher.ts');
const USER = `
  const { startPostgres } = await import(process.argv[1]);
  const options = { directory: process.argv[2], throwaway: process.argv[3] === 'throwaway' };
  const { url, attached, port, stop } = await startPostgres(options);
  process.stdout.write(JSON.stringify({ url, attached, port }) + '\\n');
  process.stdin.on('end', async () => { await stop(); process.exit(0); }).resume();
`;

/** Another process that uses the server until its input ends. */
async function startUser({
  uid,
  durable = false,
}: {
  uid?: number;
  durable?: boolean;
} = {}): Promise<{ child: ChildProcess; url: string; attached: boolean; port: number }> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', USER, '--', LAUNCHER, directory, durable ? '' : 'throwaway'],
    { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', ...(uid === undefined ? {} : { uid, gid: uid }) },
  );
  children.push(child);
  if (!child.stdout) throw new Error('no output');
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, ...JSON.parse(line) };
}

test('a fresh directory becomes a server that survives stop and start with its rows', async () => {
  const first = await start();
  assert.equal(first.attached, false);
  await query(first.url, 'create table kept as select 42 as n');
  await first.stop();
  assert.equal(await readPidFile(data), undefined);
  const second = await start();
  assert.equal(second.attached, false);
  assert.equal((await query<{ n: number }>(second.url, 'select n from kept'))[0]?.n, 42);
  await second.stop();
});

test('without throwaway it syncs, keeps checksums, listens on loopback alone and asks for the password', async () => {
  const server = await startPostgres({ directory });
  const [settings] = await query(
    server.url,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
            current_setting('data_checksums') as checksums, current_setting('listen_addresses') as listen,
            rolsuper as super
     from pg_roles where rolname = current_user`,
  );
  assert.deepEqual(settings, {
    fsync: 'on',
    commit: 'on',
    checksums: 'on',
    listen: '127.0.0.1',
    super: false,
  });
  const wrong = new URL(server.url);
  wrong.password = 'guess';
  await assert.rejects(query(wrong.href, 'select 1'), /password authentication failed/);
  assert.equal(statSync(join(directory, 'access.json')).mode & 0o777, 0o600);
  await server.stop();
});

test('as root, below a directory only root may enter, the server runs as someone else', {
  skip: !isRoot && 'needs root',
}, async () => {
  useSeed();
  assert.equal(statSync(home).mode & 0o777, 0o700);
  const server = await start();
  const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${await pidOf()}/status`, 'utf8'))?.[1]);
  assert.ok(uid > 0 && (uid < 64_000 || uid > 64_999));
  assert.match(readFileSync(`/proc/${await pidOf()}/status`, 'utf8'), /^Groups:\s*$/m);
  assert.equal(statSync(data).uid, uid);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  await server.stop();
});

const reachable = spawnSync(process.execPath, ['--version'], isRoot ? { uid: NOBODY, gid: NOBODY, cwd: '/' } : {});
const sourceReachable = spawnSync('test', ['-r', import.meta.filename], isRoot ? { uid: NOBODY, gid: NOBODY } : {});
const plainUser = {
  skip: !isRoot
    ? 'the other tests run as a plain user already'
    : (reachable.status !== 0 || sourceReachable.status !== 0) && 'this clone is closed to the account nobody',
};

test(
  'a plain user starts it too, even when the pid in a stale file is alive under the same account',
  plainUser,
  async () => {
    chownSync(home, NOBODY, NOBODY);
    const first = await startUser({ uid: NOBODY });
    assert.equal(statSync(data).uid, NOBODY);
    const pid = await pidOf();
    process.kill(pid, 'SIGKILL');
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const bystander = spawn('sleep', ['60'], { uid: NOBODY, gid: NOBODY });
    children.push(bystander);
    await once(bystander, 'spawn');
    const text = readFileSync(join(data, 'postmaster.pid'), 'utf8');
    writeFileSync(join(data, 'postmaster.pid'), text.replace(/^\d+/, String(bystander.pid)));
    const second = await startUser({ uid: NOBODY });
    assert.equal(second.attached, false);
    assert.notEqual(await pidOf(), bystander.pid);
    second.child.stdin?.end();
    assert.deepEqual(await once(second.child, 'exit'), [0, null]);
  },
);

test('of two that start at once on a fresh directory, both end up on one server, and the last to leave stops it', async () => {
  const [one, two] = await Promise.all([startUser(), startUser()]);
  assert.equal(one.url, two.url);
  assert.deepEqual([one.attached, two.attached].toSorted(), [false, true]);
  const pid = await pidOf();
  one.child.stdin?.end();
  await once(one.child, 'exit');
  assert.ok(isAlive(pid));
  await query(two.url, 'select 1');
  two.child.stdin?.end();
  await once(two.child, 'exit');
  assert.equal(await readPidFile(data), undefined);
});

test('a server whose only user was killed is joined by the next, which then stops it', async () => {
  useSeed();
  const user = await startUser();
  const pid = await pidOf();
  await query(user.url, 'create table kept as select 42 as n');
  user.child.kill('SIGKILL');
  await once(user.child, 'exit');
  const server = await start();
  assert.equal(server.attached, true);
  assert.equal(await pidOf(), pid);
  assert.equal((await query<{ n: number }>(server.url, 'select n from kept'))[0]?.n, 42);
  await server.stop();
  assert.equal(isAlive(pid), false);
});

test('a starter killed in the middle of making the cluster leaves nothing that stops the next', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', USER, '--', LAUNCHER, directory, 'throwaway'], {
    stdio: 'ignore',
  });
  const half = () => spawnSync('sh', ['-c', `ls ${directory}/data.half-*/PG_VERSION`]).status === 0;
  while (!half()) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const server = await start();
  assert.equal(server.attached, false);
  await query(server.url, 'select 1');
  await server.stop();
});

test('a server killed with all its processes starts again, recovers, and has every acknowledged row', async () => {
  useSeed();
  const user = await startUser({ durable: true });
  await query(user.url, 'create table kept as select 42 as n');
  user.child.kill('SIGKILL');
  await once(user.child, 'exit');
  process.kill(await pidOf(), 'SIGKILL');
  const server = await start();
  assert.equal(server.attached, false);
  assert.equal((await query<{ n: number }>(server.url, 'select n from kept'))[0]?.n, 42);
  await server.stop();
});

test('a server that dies under its user is started again on the same address', async () => {
  useSeed();
  const server = await start();
  const pid = await pidOf();
  process.kill(pid, 'SIGKILL');
  for (;;) {
    const answer = await query(server.url, 'select 1').catch(() => undefined);
    if (answer) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.notEqual(await pidOf(), pid);
  await server.stop();
  assert.equal(await readPidFile(data), undefined);
});

test('a copy of a running directory gets a server of its own and never joins the original', async () => {
  useSeed();
  const original = await start();
  const copied = join(home, 'copied');
  execFileSync('cp', ['-a', directory, copied]);
  const copy = await start({ directory: copied });
  assert.equal(copy.attached, false);
  assert.notEqual(copy.port, original.port);
  await query(copy.url, 'create table only_in_copy ()');
  await assert.rejects(query(original.url, 'select from only_in_copy'), /does not exist/);
  await copy.stop();
  await original.stop();
});

test('a moved directory keeps its data and password', async () => {
  useSeed();
  const before = await start();
  await query(before.url, 'create table kept as select 42 as n');
  await before.stop();
  const moved = join(home, 'moved');
  execFileSync('mv', [directory, moved]);
  const after = await start({ directory: moved });
  assert.equal((await query<{ n: number }>(after.url, 'select n from kept'))[0]?.n, 42);
  await after.stop();
});

test('when somebody else took the port, another is used', async () => {
  useSeed();
  const first = await start();
  await first.stop();
  const squatter = createServer().listen(first.port, '127.0.0.1');
  await once(squatter, 'listening');
  const second = await start();
  assert.notEqual(second.port, first.port);
  await second.stop();
  squatter.close();
});

test('data of another major version are refused by both numbers, and nothing is changed', async () => {
  useSeed();
  const server = await start();
  await server.stop();
  writeFileSync(join(data, 'PG_VERSION'), '15\n');
  const list = () => readdirSync(data, { recursive: true }).toSorted().join();
  const before = list();
  await assert.rejects(start(), troubled('wrong-version', /PostgreSQL 15.*PostgreSQL 18.*backup.*restore/));
  assert.equal(list(), before);
  writeFileSync(join(data, 'PG_VERSION'), '18\n');
  await (await start()).stop();
});

const with15 = { skip: !existsSync(join(SYSTEM_15, 'initdb')) && `no PostgreSQL 15 in ${SYSTEM_15}` };
test('a PostgreSQL of the system serves, and its data are still whole after ours refused them', with15, async () => {
  const first = await start({ programs: SYSTEM_15 });
  assert.match(first.version, /^15/);
  await query(first.url, 'create table kept as select 42 as n');
  await first.stop();
  await assert.rejects(start(), troubled('wrong-version', /PostgreSQL 15/));
  const again = await start({ programs: SYSTEM_15 });
  assert.equal((await query<{ n: number }>(again.url, 'select n from kept'))[0]?.n, 42);
  await again.stop();
});

test('directories open to others are refused with the command that closes them', async () => {
  useSeed();
  await (await start()).stop();
  for (const path of [directory, data]) {
    chmodSync(path, 0o755);
    await assert.rejects(start(), troubled('wrong-permissions', new RegExp(`chmod 700 ${path}$`)));
    chmodSync(path, 0o700);
  }
  await (await start()).stop();
});

test('a directory of another account is refused', { skip: !isRoot && 'needs root' }, async () => {
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, NOBODY, NOBODY);
  await assert.rejects(start(), troubled('wrong-owner', /65534/));
});

test('lost passwords are told, and do not lead to a new cluster over the old', async () => {
  useSeed();
  await (await start()).stop();
  rmSync(join(directory, 'access.json'));
  await assert.rejects(start(), troubled('wrong-permissions', /access\.json is missing/));
  assert.ok(existsSync(join(data, 'PG_VERSION')));
});

const canMount = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0;
test('a full disk is named, on the first start and on a later one, and freeing it is enough', {
  skip: !canMount && 'needs root and mounts',
}, async () => {
  mkdirSync(directory, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', directory]);
  try {
    await assert.rejects(start(), troubled('full-disk', /no space is left/));
    assert.deepEqual(readdirSync(directory).toSorted(), ['start.lock']);
    execFileSync('mount', ['-o', 'remount,size=160m', directory]);
    const server = await start();
    await query(server.url, 'create table kept as select 42 as n');
    await server.stop();
    const filler = join(directory, 'filler');
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(65_536));
    } catch {}
    await assert.rejects(start(), troubled('full-disk', /no space is left/));
    rmSync(filler);
    const again = await start();
    assert.equal((await query<{ n: number }>(again.url, 'select n from kept'))[0]?.n, 42);
    await again.stop();
  } finally {
    spawnSync('umount', ['-l', directory]);
  }
});

test('a process that has nothing left to do may end without leaving; the next one joins', async () => {
  useSeed();
  const script = `const { startPostgres } = await import(process.argv[1]); await startPostgres({ directory: process.argv[2], throwaway: true });`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script, '--', LAUNCHER, directory]);
  const server = await start();
  assert.equal(server.attached, true);
  await server.stop();
});
