/** The compiled filter, run by an interpreter of classic BPF: what it answers to each call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter, DENIED_CALLS } from './seccomp-filter.ts';
import { CALL_TABLES, type CallTable, findCallTable } from './syscall-table.ts';

const [ALLOW, KILL] = [0x7fff0000, 0x80000000];
const errno = (code: number): number => 0x00050000 | code;
const [EPERM, ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT] = [errno(1), errno(38), errno(93), errno(97)];

interface Asked {
  readonly args?: readonly number[];
  /** Whose filter is asked. */
  readonly table?: CallTable;
  /** By whose table the call is made, where that is another. */
  readonly architecture?: number;
}

function evaluate(number: number, { args = [], table = CALL_TABLES.x64, architecture }: Asked = {}): number {
  const program = compileFilter(table);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture ?? table.auditArchitecture, 4);
  args.forEach((value, index) => {
    data.writeUInt32LE(value >>> 0, 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const [code, whenTrue, whenFalse] = [
      program.readUInt16LE(at * 8),
      program.readUInt8(at * 8 + 2),
      program.readUInt8(at * 8 + 3),
    ];
    const k = program.readUInt32LE(at * 8 + 4);
    const jump = (holds: boolean): void => {
      at += holds ? whenTrue : whenFalse;
    };
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x25) jump(accumulator > k);
    else if (code === 0x35) jump(accumulator >= k);
    else if (code === 0x06) return k;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail('the program ran off its end');
}

const [I386, ARM, MIPS] = [0x40000003, 0x40000028, 0x8];

test('every call refused by name is a call of some machine', () => {
  const known = new Set(Object.values(CALL_TABLES).flatMap(({ calls }) => [...calls.keys()]));
  assert.deepEqual(
    DENIED_CALLS.filter((name) => !known.has(name)),
    [],
  );
});

test('the tables give the numbers the kernel gives', () => {
  const [x64, arm64] = [CALL_TABLES.x64.calls, CALL_TABLES.arm64.calls];
  assert.deepEqual([x64.get('execve'), x64.get('unshare'), x64.get('rseq'), x64.get('mseal')], [59, 272, 334, 462]);
  const some = ['io_setup', 'openat', 'unshare', 'clone', 'execve', 'accept4', 'wait4', 'rseq', 'kexec_file_load'];
  assert.deepEqual(
    some.map((name) => arm64.get(name)),
    [0, 56, 97, 220, 221, 242, 260, 293, 294],
  );
  assert.equal(arm64.get('mseal'), 462);
  assert.equal(arm64.get('open'), undefined);
});

for (const [machine, table] of Object.entries(CALL_TABLES)) {
  const call = (name: string, ...args: number[]): number =>
    evaluate(table.calls.get(name) ?? assert.fail(name), { args, table });

  test(`${machine}: every call refused by name is refused, and what takes no look at arguments else is allowed`, () => {
    const looked = new Set(['clone', 'clone3', 'socket', 'ioctl', 'personality', 'prctl']);
    for (const [name, number] of table.calls) {
      if (looked.has(name)) continue;
      assert.equal(evaluate(number, { table }), DENIED_CALLS.includes(name) ? EPERM : ALLOW, name);
    }
  });

  test(`${machine}: calls by another machine's table are killed, numbers above its own do not exist`, () => {
    const others = Object.values(CALL_TABLES).filter((other) => other !== table);
    for (const architecture of [I386, ARM, MIPS, ...others.map(({ auditArchitecture }) => auditArchitecture)]) {
      assert.equal(evaluate(20, { table, architecture }), KILL);
    }
    const unknown = [0x40000000 + 39, Math.max(...table.calls.values()) + 1, 0xffffffff];
    for (const number of unknown) assert.equal(evaluate(number, { table }), ENOSYS);
  });

  test(`${machine}: a thread may be made, a namespace may not`, () => {
    assert.equal(call('clone', 0x3d0f00), ALLOW);
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      assert.equal(call('clone', flag | 17), EPERM);
    }
    assert.equal(call('clone3'), ENOSYS);
  });

  test(`${machine}: TCP and UDP sockets exist, every other family, type and protocol does not`, () => {
    assert.equal(call('socket', 2, 1 | 0o2000000, 0), ALLOW);
    assert.equal(call('socket', 10, 2, 17), ALLOW);
    for (const family of [0, 1, 3, 15, 16, 17, 38, 40, 44]) assert.equal(call('socket', family, 1, 0), EAFNOSUPPORT);
    for (const type of [3, 4, 5, 10]) assert.equal(call('socket', 2, type, 0), EPERM);
    for (const protocol of [1, 132, 136, 262]) assert.equal(call('socket', 2, 1, protocol), EPROTONOSUPPORT);
  });

  test(`${machine}: no keystrokes into a terminal, no odd personality, no outliving of the launcher`, () => {
    assert.equal(call('ioctl', 0, 0x5401), ALLOW);
    assert.equal(call('ioctl', 0, 0x5412), EPERM);
    assert.equal(call('ioctl', 0, 0x541c), EPERM);
    assert.equal(call('personality', 0xffffffff), ALLOW);
    assert.equal(call('personality', 0x0400000), EPERM);
    assert.equal(call('prctl', 1), EPERM);
    assert.equal(call('prctl', 15), ALLOW);
  });
}

test('a machine without a checked-in call table has none guessed', () => {
  assert.equal(findCallTable('riscv64'), undefined);
  assert.equal(findCallTable('constructor'), undefined);
});
