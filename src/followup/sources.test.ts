import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type FakeFailure, type FakeRegistry, startFakeRegistry } from '../../test/fakes/fake-registry.ts';
import { type HttpFault, startFaultyServer } from '../../test/support/faulty-server.ts';
import { createEgress, type EgressRequest, namedOrigins } from '../egress/index.ts';
import { askDebian } from './debian-client.ts';
import { askGit, packTag } from './git-client.ts';
import { askNpm } from './npm-client.ts';

const NAME = 'headstart-fixture-x';
/** A source that hangs is given up after so long; the others have all the time they need. */
const HANG_MS = 300;
const PATIENT_MS = 60_000;

let server: FakeRegistry;
let folder: string;
before(async () => {
  server = await startFakeRegistry();
  await server.publish({ name: NAME, version: '1.0.0' });
  folder = mkdtempSync(join(tmpdir(), 'headstart-sources-'));
});
after(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const egressTo = (origin?: string, timeoutMs = PATIENT_MS) => {
  const guarded = createEgress({ named: namedOrigins(origin === undefined ? [] : [origin]) });
  return { request: (asked: EgressRequest) => guarded.request({ ...asked, timeoutMs }) };
};
const ask = (validator = {}, timeoutMs = PATIENT_MS) =>
  askNpm(egressTo(server.address, timeoutMs), { registry: server.address, scopes: {} }, NAME, validator);

test('the registry is asked by its tag, and an unchanged answer is no list', async () => {
  const first = await ask();
  assert.ok(first.ok && first.value.changed);
  assert.deepEqual(
    first.value.releases.map(({ label }) => label),
    ['1.0.0'],
  );
  assert.ok(first.value.validator.etag);
  assert.deepEqual(await ask(first.value.validator), { ok: true, value: { changed: false } });
  await server.publish({ name: NAME, version: '1.0.1' });
  const after = await ask(first.value.validator);
  assert.ok(after.ok && after.value.changed && after.value.releases.length === 2);
});

for (const [how, kind] of [
  ['refuse', 'unreachable'],
  ['hang', 'unreachable'],
  ['cut', 'unreachable'],
  ['truncate', 'unreachable'],
  ['twice', 'garbled'],
] as const satisfies readonly (readonly [FakeFailure, string])[]) {
  test(`a registry that fails by "${how}" is told as ${kind}, and tells nothing of releases`, async () => {
    server.fail(NAME, how, 1);
    const answer = await ask({}, how === 'hang' ? HANG_MS : PATIENT_MS);
    assert.equal(!answer.ok && answer.refusal.kind, kind);
    assert.ok((await ask()).ok, 'the next look is whole again');
  });
}

test('a registry at a private address that nobody named is not asked', async () => {
  const asked = server.asked.length;
  const answer = await askNpm(egressTo(), { registry: server.address, scopes: {} }, NAME, {});
  assert.equal(!answer.ok && answer.refusal.kind, 'not-allowed');
  assert.equal(server.asked.length, asked);
});

test('a server that asks for a pause is heard', async () => {
  const busy = await startFaultyServer({
    act: () => ({ status: 429, json: {}, headers: { 'retry-after': '7200' } }),
  });
  const answer = await askNpm(egressTo(busy.origin), { registry: busy.origin, scopes: {} }, NAME, {});
  await busy.close();
  assert.ok(!answer.ok);
  assert.deepEqual([answer.refusal.kind, answer.refusal.retryAfterMs], ['refused', 7_200_000]);
});

const git = (...args: readonly string[]): void => {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', HOME: folder };
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main'];
  execFileSync('git', [...who, ...args], { env, cwd: join(folder, 'project'), stdio: 'pipe' });
};
const hasGit = (() => {
  try {
    execFileSync('git', ['--version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();
const skip = hasGit ? false : 'git is not installed';

test('tags of a local mirror are seen, loose and packed, and a tag can be unpacked', { skip }, async () => {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: NAME, version: '1.0.0' }));
  for (const args of [['init'], ['add', '.'], ['commit', '-m', 'x'], ['tag', 'v1.0.0'], ['pack-refs', '--all']]) {
    git(...args);
  }
  git('tag', '-a', '-m', 'annotated', 'v1.1.0');
  git('tag', 'not-a-version');
  const answer = await askGit(egressTo(), project, NAME, {});
  assert.ok(answer.ok && answer.value.changed);
  assert.deepEqual(answer.value.releases.map(({ version, label }) => [version, label]).sort(), [
    ['1.0.0', 'v1.0.0'],
    ['1.1.0', 'v1.1.0'],
  ]);
  const archive = join(folder, 'tag.tar');
  assert.deepEqual(await packTag(project, 'v1.1.0', archive), { ok: true, value: null });
  const missing = await packTag(project, 'v9.9.9', archive);
  assert.equal(!missing.ok && missing.refusal, 'git could not unpack it');
  const remote = await packTag('https://example.org/x.git', 'v1.1.0', archive);
  assert.match(remote.ok ? '' : remote.refusal, /from a local mirror only/);
});

test('a directory without a repository, and references in a form not read here, are told', async () => {
  const none = await askGit(egressTo(), folder, NAME, {});
  assert.equal(!none.ok && none.refusal.kind, 'not-found');
  const modern = join(folder, 'modern');
  for (const name of ['refs', 'reftable']) mkdirSync(join(modern, name), { recursive: true });
  writeFileSync(join(modern, 'HEAD'), 'ref: refs/heads/main\n');
  const unread = await askGit(egressTo(), modern, NAME, {});
  assert.equal(!unread.ok && unread.refusal.kind, 'unsupported');
});

const packet = (line: string): string => `${(line.length + 4).toString(16).padStart(4, '0')}${line}`;
const ID = 'a'.repeat(40);
const ADVERTISED = [
  packet('# service=git-upload-pack\n'),
  '0000',
  packet(`${ID} HEAD\0multi_ack symref=HEAD:refs/heads/main\n`),
  packet(`${ID} refs/tags/v1.2.3\n`),
  packet(`${ID} refs/tags/v1.2.3^{}\n`),
  packet(`${ID} refs/tags/${NAME}-v2.0.0\n`),
  packet(`${ID} refs/heads/v3.0.0\n`),
  '0000',
].join('');

/** Answers with text as it stands. */
async function startRemote(text: () => string, faults: readonly HttpFault[] = []) {
  const { createServer } = await import('node:http');
  const remaining = [...faults];
  const remote = createServer((_request, response) => {
    const fault = remaining.shift();
    if (fault === 'refuse') return void response.writeHead(403).end();
    if (fault === 'hang') return;
    if (fault === 'lose-after') return void response.write(text().slice(0, 40), () => response.destroy());
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
    response.end(fault === 'garbage' ? '<html>' : text());
  });
  await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
  const address = remote.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return { origin: `http://127.0.0.1:${port}`, close: () => remote.close().closeAllConnections() };
}

test('tags of a remote repository are seen without git, and every way it fails is told', async () => {
  const faults = ['refuse', 'hang', 'lose-after', 'garbage'] as const;
  const remote = await startRemote(() => ADVERTISED, faults);
  const look = (fault?: HttpFault) =>
    askGit(egressTo(remote.origin, fault === 'hang' ? HANG_MS : PATIENT_MS), `${remote.origin}/x.git`, NAME, {});
  const kinds: (string | false)[] = [];
  for (const fault of faults) {
    const failed = await look(fault);
    kinds.push(!failed.ok && failed.refusal.kind);
  }
  assert.deepEqual(kinds, ['refused', 'unreachable', 'unreachable', 'garbled']);
  const answer = await look();
  remote.close();
  assert.ok(answer.ok && answer.value.changed);
  assert.deepEqual(
    answer.value.releases.map(({ version }) => version),
    ['1.2.3', '2.0.0'],
  );
});

const PACKAGES = `Package: node-other
Version: 9.9.9-1

Package: node-x
Architecture: all
Version: 1:1.2.3+ds-2
Description: a package
 Version: 0.0.0 of a description is none

Package: node-x
Version: 1.2.4~bpo-1
`;

test('Debian versions are read from an index, plain or packed, and named by their upstream version', async () => {
  const plain = join(folder, 'Packages');
  writeFileSync(plain, PACKAGES);
  writeFileSync(`${plain}.gz`, gzipSync(PACKAGES));
  for (const index of [plain, `${plain}.gz`]) {
    const answer = await askDebian(egressTo(), { index, name: 'node-x' }, {});
    assert.ok(answer.ok && answer.value.changed);
    assert.deepEqual(
      answer.value.releases.map(({ version, label }) => [version, label]),
      [['1.2.3', '1:1.2.3+ds-2']],
      'a version of which no upstream version can be read is none',
    );
  }
  const xz = join(folder, 'Packages.xz');
  writeFileSync(xz, Buffer.from('fd377a585a000000', 'hex'));
  for (const [index, kind] of [
    [xz, 'unsupported'],
    [join(folder, 'nothing'), 'not-found'],
    [join(folder, 'modern', 'HEAD'), 'garbled'],
  ] as const) {
    const answer = await askDebian(egressTo(), { index, name: 'node-x' }, {});
    assert.equal(!answer.ok && answer.refusal.kind, kind);
  }
});
