/** What may be asked: everything else is refused before anything starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRequest, DEFAULT_LIMITS, NODE_INSIDE } from './request.ts';
import type { SandboxRequest } from './run.ts';

const layerOf = (request: Partial<SandboxRequest>): string | undefined => {
  const checked = checkRequest({ command: ['true'], ...request });
  return checked.ok ? undefined : checked.refusal.layer;
};

test('what is left out is filled in, and node means the pinned one', () => {
  const checked = checkRequest({ command: ['node', '-v'] });
  assert.ok(checked.ok);
  assert.deepEqual(checked.value.command, [NODE_INSIDE, '-v']);
  assert.deepEqual(checked.value.limits, DEFAULT_LIMITS);
});

test('files stay in the working directory', () => {
  for (const path of ['', '.', '..', '../x', '/etc/x', 'a/../../x', 'a//b', 'a/', './a', 'a\0b']) {
    assert.equal(layerOf({ files: [{ path, content: '' }] }), 'files', JSON.stringify(path));
  }
  for (const path of ['a', 'a/b', '.hidden', '...', 'a b'])
    assert.equal(layerOf({ files: [{ path, content: '' }] }), undefined);
  assert.equal(
    layerOf({
      files: [
        { path: 'a', content: '1' },
        { path: 'a', content: '2' },
      ],
    }),
    'files',
  );
  assert.equal(layerOf({ files: [{ path: 'a', content: Buffer.alloc(2_000_000) }], limits: { diskMiB: 1 } }), 'files');
});

test('a mount may not stand where a layer is', () => {
  for (const inside of [
    '/',
    '/proc',
    '/proc/sys',
    '/dev/shm',
    '/sys',
    '/usr',
    '/tmp',
    '/work',
    '/opt/node/bin',
    'x',
    '/a/..',
    '/a/',
  ]) {
    assert.equal(layerOf({ readOnly: [{ host: '/srv', inside }] }), 'read-only mounts', inside);
  }
  for (const inside of ['/work/node_modules', '/srv/package', '/usr/share/x']) {
    assert.equal(layerOf({ readOnly: [{ host: '/srv', inside }] }), undefined);
  }
  assert.equal(layerOf({ readOnly: [{ host: 'relative', inside: '/a' }] }), 'read-only mounts');
});

test('limits are above zero, bounded and whole where they count things', () => {
  for (const limits of [{ memoryMiB: 0 }, { pids: -1 }, { seconds: Number.NaN }, { diskMiB: 1e9 }, { pids: 1.5 }]) {
    assert.equal(layerOf({ limits }), 'limits', JSON.stringify(limits));
  }
  assert.equal(layerOf({ limits: { seconds: 0.5 } }), undefined);
});

test('commands and variables hold no NUL and are not empty', () => {
  assert.equal(layerOf({ command: [] }), 'command');
  assert.equal(layerOf({ command: ['a\0b'] }), 'command');
  assert.equal(layerOf({ environment: { 'A=B': 'x' } }), 'environment');
  assert.equal(layerOf({ environment: { A: 'x\0B=y' } }), 'environment');
});
