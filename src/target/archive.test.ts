import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type FakeMember, packMembers } from '../../test/fakes/fake-registry.ts';
import { ARCHIVE_LIMITS, readArchive } from './archive.ts';

const read = async (members: readonly FakeMember[], limits = ARCHIVE_LIMITS) =>
  await readArchive(await packMembers(members), limits);

async function refusalOf(members: readonly FakeMember[], limits = ARCHIVE_LIMITS) {
  const answer = await read(members, limits);
  assert.ok(!answer.ok, 'expected a refusal');
  return answer.refusal;
}

test('files keep their content, their executable bit and nothing else of their mode', async () => {
  const answer = await read([
    { name: 'package/a.js', content: 'a', mode: 0o4777 },
    { name: 'package/lib/b.js', content: 'b', mode: 0o600 },
  ]);
  assert.ok(answer.ok);
  const files = answer.value.files.map(({ content, ...rest }) => ({ ...rest, text: content.toString() }));
  assert.deepEqual(files, [
    { path: 'a.js', executable: true, text: 'a' },
    { path: 'lib/b.js', executable: false, text: 'b' },
  ]);
});

test('an absolute or climbing path refuses the whole archive', async () => {
  for (const name of ['/etc/cron.d/x', 'package/../../x', '../x']) {
    const refusal = await refusalOf([{ name: 'package/ok.js' }, { name }]);
    assert.equal(refusal.kind, 'hostile-archive');
    assert.match(refusal.reason, /absolute|"\.\."/);
  }
});

test('links and devices are left out, and the report says which', async () => {
  const answer = await read([
    { name: 'package/passwd', type: 'symlink', linkname: '/etc/passwd' },
    { name: 'package/hard', type: 'link', linkname: '../../x' },
    { name: 'package/more', type: 'link', linkname: 'package/a' },
    { name: 'package/disk', type: 'block-device' },
    { name: 'package/pipe', type: 'fifo' },
    { name: 'package/a.js', content: 'a' },
  ]);
  assert.ok(answer.ok);
  assert.deepEqual(
    answer.value.files.map(({ path }) => path),
    ['a.js'],
  );
  assert.deepEqual(answer.value.notes, [
    'a link was left out: "passwd" and 2 more',
    'a block-device was left out: "disk"',
    'a fifo was left out: "pipe"',
  ]);
});

test('a file written through an earlier link of the same name is only a file', async () => {
  const answer = await read([
    { name: 'package/dir', type: 'symlink', linkname: '/tmp' },
    { name: 'package/dir/x', content: 'x' },
  ]);
  assert.ok(answer.ok);
  assert.deepEqual(
    answer.value.files.map(({ path }) => path),
    ['dir/x'],
  );
});

test('of two members with one name the later is kept, and it is reported', async () => {
  const answer = await read([
    { name: 'package/a', content: '1' },
    { name: 'package/./a', content: '2' },
  ]);
  assert.ok(answer.ok);
  assert.equal(answer.value.files[0]?.content.toString(), '2');
  assert.match(answer.value.notes.join(), /occurs twice/);
});

test('names that differ only by case are kept and reported', async () => {
  const answer = await read([{ name: 'package/README' }, { name: 'package/readme' }]);
  assert.ok(answer.ok);
  assert.equal(answer.value.files.length, 2);
  assert.match(answer.value.notes.join(), /differ only by case/);
});

test('a name that is both file and directory is refused', async () => {
  const refusal = await refusalOf([{ name: 'package/a', content: '1' }, { name: 'package/a/b' }]);
  assert.equal(refusal.kind, 'hostile-archive');
});

test('more files than allowed are refused with the number', async () => {
  const members = Array.from({ length: 11 }, (_, index) => ({ name: `package/${index}` }));
  const refusal = await refusalOf(members, { ...ARCHIVE_LIMITS, files: 10 });
  assert.deepEqual(refusal, { kind: 'too-large', reason: 'more than 10 files' });
});

/** A tar of this many empty files, written by hand because packing them one by one takes seconds. */
async function packMany(count: number): Promise<Buffer> {
  const header = gunzipSync(await packMembers([{ name: 'package/000000' }])).subarray(0, 512);
  const tar = Buffer.alloc((count + 2) * 512);
  for (let index = 0; index < count; index += 1) {
    const at = index * 512;
    header.copy(tar, at);
    tar.write(String(index).padStart(6, '0'), at + 'package/'.length);
    tar.fill(' ', at + 148, at + 156);
    const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
  }
  return gzipSync(tar);
}

test('100,000 files are refused, and a hundred written the same way are read', async () => {
  const few = await readArchive(await packMany(100));
  assert.equal(few.ok && few.value.files.length, 100);
  const many = await readArchive(await packMany(100_000));
  assert.deepEqual(!many.ok && many.refusal, { kind: 'too-large', reason: 'more than 20000 files' });
});

test('a bomb is refused by its ratio before it is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const answer = await readArchive(bomb);
  assert.ok(!answer.ok);
  assert.match(answer.refusal.reason, /200 times its packed size/);
});

test('one file or all files together over the limit are refused', async () => {
  const members = [
    { name: 'p/a', content: 'x'.repeat(600) },
    { name: 'p/b', content: 'x'.repeat(600) },
  ];
  assert.equal((await refusalOf(members, { ...ARCHIVE_LIMITS, fileBytes: 500 })).kind, 'too-large');
  assert.equal((await refusalOf(members, { ...ARCHIVE_LIMITS, totalBytes: 1_000 })).kind, 'too-large');
});

test('a tar that is not gzipped is read as well', async () => {
  const answer = await readArchive(gunzipSync(await packMembers([{ name: 'package/a', content: 'a' }])));
  assert.ok(answer.ok);
  assert.equal(answer.value.files.length, 1);
});

test('bytes that are no archive, or half of one, are refused and never thrown on', async () => {
  const whole = await packMembers([{ name: 'package/a', content: 'a'.repeat(5_000) }]);
  for (const bytes of [Buffer.from('<html>busy</html>'.repeat(100)), whole.subarray(0, whole.length >> 1)]) {
    const answer = await readArchive(bytes);
    assert.ok(!answer.ok && answer.refusal.kind === 'hostile-archive');
  }
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 2_000 }),
    fc.uint8Array({ maxLength: 1_500 }).map((tar) => gzipSync(tar)),
  );
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      await readArchive(bytes);
    }),
    { numRuns: 200 },
  );
});
