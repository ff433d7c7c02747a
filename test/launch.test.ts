import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

let clone = '';

/** A clone of nothing but the launcher, and an npm that writes down what it was asked for. */
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'launch-'));
  for (const directory of ['src', 'scripts', 'programs']) mkdirSync(join(clone, directory));
  copyFileSync(join(import.meta.dirname, '..', 'launch.cjs'), join(clone, 'launch.cjs'));
  writeFileSync(join(clone, 'package-lock.json'), '{}');
  writeFileSync(join(clone, 'src', 'main.ts'), '');
  writeFileSync(join(clone, 'scripts', 'run-tests.ts'), '');
  const npm = [
    '#!/bin/sh',
    `echo "$@" >> ${join(clone, 'asked')}`,
    '[ -e fail ] && exit 1',
    'case "$*" in *--prefer-offline*) [ -e stale ] && exit 1 ;; esac',
    'rm -rf node_modules && mkdir -p node_modules/.bin',
    `ln -s ${process.execPath} node_modules/.bin/node`,
  ].join('\n');
  writeFileSync(join(clone, 'programs', 'npm'), npm, { mode: 0o755 });
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

function launch(command: string): number | null {
  const env = { ...process.env, PATH: `${join(clone, 'programs')}:${process.env.PATH}` };
  return spawnSync(process.execPath, [join(clone, 'launch.cjs'), command], { env, encoding: 'utf8' }).status;
}

/** For each install, whether the packages of development were left out. */
function installs(): boolean[] {
  const lines = readFileSync(join(clone, 'asked'), 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' ').includes('--omit=dev'));
}

test('start installs without the packages of development, and once', () => {
  assert.equal(launch('start'), 0);
  assert.equal(launch('start'), 0);
  assert.equal(launch('scan'), 0);
  assert.deepEqual(installs(), [true]);
});

test('a test after a start installs the rest, and a start after that nothing', () => {
  assert.equal(launch('start'), 0);
  assert.equal(launch('test'), 0);
  assert.equal(launch('start'), 0);
  assert.equal(launch('test'), 0);
  assert.deepEqual(installs(), [true, false]);
});

test('another lock file is another installation', () => {
  assert.equal(launch('test'), 0);
  writeFileSync(join(clone, 'package-lock.json'), '{"name":"other"}');
  assert.equal(launch('start'), 0);
  assert.deepEqual(installs(), [false, true]);
});

test('an install that failed is not taken for one', () => {
  writeFileSync(join(clone, 'fail'), '');
  assert.equal(launch('start'), 70);
  const failed = installs().length;
  rmSync(join(clone, 'fail'));
  assert.equal(launch('start'), 0);
  assert.equal(installs().length, failed + 1);
});

test('where what npm has kept does not do, the registry is asked', () => {
  writeFileSync(join(clone, 'stale'), '');
  assert.equal(launch('start'), 0);
  assert.deepEqual(installs(), [true, true]);
});
