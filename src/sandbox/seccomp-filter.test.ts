/** The compiled filter, run by an interpreter of classic BPF: what it answers to each call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter, DENIED_CALLS } from './seccomp-filter.ts';
import { AUDIT_ARCH_X64, SYSCALLS_X64 } from './syscall-table-x64.ts';

const [ALLOW, KILL] = [0x7fff0000, 0x80000000];
const errno = (code: number): number => 0x00050000 | code;
const [EPERM, ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT] = [errno(1), errno(38), errno(93), errno(97)];

const compiled = compileFilter('x64');
assert.ok(compiled.ok);
const program = compiled.value;

function evaluate(number: number, args: readonly number[] = [], architecture = AUDIT_ARCH_X64): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture, 4);
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

const call = (name: string, ...args: number[]): number => evaluate(SYSCALLS_X64.get(name) ?? assert.fail(name), args);

test('every call refused by name is refused and everything else of the table that takes no look at arguments is allowed', () => {
  const looked = new Set(['clone', 'clone3', 'socket', 'ioctl', 'personality', 'prctl']);
  for (const [name, number] of SYSCALLS_X64) {
    if (looked.has(name)) continue;
    assert.equal(evaluate(number), DENIED_CALLS.includes(name) ? EPERM : ALLOW, name);
  }
});

test('the i386 table is killed, x32 numbers and numbers above the table do not exist', () => {
  assert.equal(evaluate(20, [], 0x40000003), KILL);
  assert.equal(evaluate(0x40000000 + 39), ENOSYS);
  assert.equal(evaluate(Math.max(...SYSCALLS_X64.values()) + 1), ENOSYS);
  assert.equal(evaluate(0xffffffff), ENOSYS);
});

test('a thread may be made, a namespace may not', () => {
  assert.equal(call('clone', 0x3d0f00), ALLOW);
  for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
    assert.equal(call('clone', flag | 17), EPERM);
  }
  assert.equal(call('clone3'), ENOSYS);
});

test('TCP and UDP sockets exist, every other family, type and protocol does not', () => {
  assert.equal(call('socket', 2, 1 | 0o2000000, 0), ALLOW);
  assert.equal(call('socket', 10, 2, 17), ALLOW);
  for (const family of [0, 1, 3, 15, 16, 17, 38, 40, 44]) assert.equal(call('socket', family, 1, 0), EAFNOSUPPORT);
  for (const type of [3, 4, 5, 10]) assert.equal(call('socket', 2, type, 0), EPERM);
  for (const protocol of [1, 132, 136, 262]) assert.equal(call('socket', 2, 1, protocol), EPROTONOSUPPORT);
});

test('no keystrokes into a terminal, no odd personality, no outliving of the launcher', () => {
  assert.equal(call('ioctl', 0, 0x5401), ALLOW);
  assert.equal(call('ioctl', 0, 0x5412), EPERM);
  assert.equal(call('ioctl', 0, 0x541c), EPERM);
  assert.equal(call('personality', 0xffffffff), ALLOW);
  assert.equal(call('personality', 0x0400000), EPERM);
  assert.equal(call('prctl', 1), EPERM);
  assert.equal(call('prctl', 15), ALLOW);
});

test('a machine without a checked-in call table is refused by the name of the layer', () => {
  const refused = compileFilter('arm64');
  assert.ok(!refused.ok);
  assert.equal(refused.refusal.layer, 'system call filter');
});
