/** The collector on hostile trees: links, races, bombs, odd files. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { COLLECT_LIMITS, type CollectLimits, collect } from './collect-client.ts';

const MIB = 1_048_576;
const root = mkdtempSync(join(tmpdir(), 'headstart-collect-'));
after(() => rmSync(root, { recursive: true, force: true }));

function collectFrom(directory: string, limits: CollectLimits = { ...COLLECT_LIMITS, bytes: MIB }) {
  const descriptor = openSync(directory, 'r');
  try {
    return collect(descriptor, limits);
  } finally {
    closeSync(descriptor);
  }
}

function makeTree(name: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  return directory;
}

test('regular files come out by relative path, everything else stays and is named', () => {
  const tree = makeTree('kinds');
  mkdirSync(join(tree, 'a', 'b'), { recursive: true });
  writeFileSync(join(tree, 'a', 'b', 'file'), 'content');
  chmodSync(join(tree, 'a', 'b', 'file'), 0o4755);
  symlinkSync('/etc/passwd', join(tree, 'link'));
  symlinkSync('/', join(tree, 'root'));
  symlinkSync('link', join(tree, 'a', 'loop'));
  spawnSync('mkfifo', [join(tree, 'pipe')]);
  const { files, refused } = collectFrom(tree);
  assert.deepEqual(
    [...files].map(([path, content]) => [path, content.toString()]),
    [['a/b/file', 'content']],
  );
  assert.deepEqual(refused, ['link: a/loop', 'link: link', 'neither file nor directory: pipe', 'link: root']);
});

test('a sparse file counts by the size it claims', () => {
  const tree = makeTree('sparse');
  writeFileSync(join(tree, 'bomb'), '');
  truncateSync(join(tree, 'bomb'), 1_024 * MIB);
  writeFileSync(join(tree, 'small'), 'x');
  const { files, refused } = collectFrom(tree);
  assert.deepEqual([...files.keys()], ['small']);
  assert.deepEqual(refused, [`more than ${MIB} bytes: bomb`]);
});

test('count and depth have limits', () => {
  const tree = makeTree('many');
  for (let index = 0; index < 20; index += 1) writeFileSync(join(tree, `f${index}`), '');
  mkdirSync(join(tree, 'd', 'd', 'd', 'd'), { recursive: true });
  writeFileSync(join(tree, 'd', 'd', 'd', 'd', 'deep'), '');
  const { files, refused } = collectFrom(tree, { files: 10, depth: 3, bytes: MIB });
  assert.equal(files.size, 10);
  assert.ok(refused.includes('deeper than 3 directories: d/d/d'));
});

test('a directory swapped with a link while the walk runs never brings out a file of the host', async () => {
  const tree = makeTree('race');
  const outside = makeTree('outside');
  writeFileSync(join(outside, 'file'), 'of the host');
  mkdirSync(join(tree, 'swap'));
  writeFileSync(join(tree, 'swap', 'file'), 'own');
  symlinkSync(outside, join(tree, 'other'));
  // renameat2 with RENAME_EXCHANGE, as fast as it goes.
  const swapper = spawn('/usr/bin/perl', [
    '-e',
    'my ($a, $b) = @ARGV; while (1) { syscall(316, -100, $a, -100, $b, 2) }',
    join(tree, 'swap'),
    join(tree, 'other'),
  ]);
  let [own, naive] = [0, 0];
  try {
    for (let round = 0; round < 20_000 && (own < 200 || naive === 0); round += 1) {
      for (const content of collectFrom(tree).files.values()) {
        assert.equal(content.toString(), 'own');
        own += 1;
      }
      try {
        if (readFileSync(join(tree, 'swap', 'file'), 'utf8') === 'of the host') naive += 1;
      } catch {
        // Between the two names: nothing is there.
      }
    }
  } finally {
    swapper.kill('SIGKILL');
  }
  assert.ok(own >= 200 && naive > 0, `the race was really on: ${own} reads, ${naive} by a plain path led outside`);
});
