import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlawClass } from '../formats/flaw-class.ts';
import { confirm, type Evidence, judgeRun, type ObservedRun, outcomeOf } from './confirm.ts';
import { exponentOf, growsFast } from './growth.ts';
import type { EventKind, Frame, WitnessEvent } from './witness.ts';

const CANARY = 'hs0123';
const frame = (file: string, origin = ''): Frame => ({ fn: 'f', file, line: 8, column: 3, origin });
const TARGET = frame('/work/node_modules/name/index.js');
const DEPENDENCY = frame('/work/node_modules/dep/index.js');
const SCRIPT = frame('/work/reproduce.cjs');
const NODE = frame('node:internal/modules/cjs/loader');
const BUILTIN = frame('');

function event(kind: EventKind, frames: readonly Frame[], detail: Readonly<Record<string, string>> = {}): WitnessEvent {
  return { kind, bent: false, frames, detail };
}

function run(events: readonly WitnessEvent[], change: Partial<ObservedRun> = {}): ObservedRun {
  return {
    canary: CANARY,
    end: 'exited',
    exitCode: 0,
    verdict: { fired: true, reached: true, oracle: 'seen', frames: [] },
    events: [event('start', []), ...events],
    cpuMs: 1_000,
    leftFile: false,
    recordSha256: '0'.repeat(64),
    ...change,
  };
}

function reasonOf(it: ObservedRun, flaw: FlawClass = 'prototype-pollution', ownScript = false): string {
  const judgement = judgeRun(it, { flaw, ownScript });
  return judgement.fired ? 'fired' : judgement.reason;
}

const POLLUTED = event('pollute', [TARGET, SCRIPT, NODE]);

test('a write by the target counts, one by its dependency too, and its place is told', () => {
  assert.equal(reasonOf(run([POLLUTED])), 'fired');
  const judgement = judgeRun(run([event('pollute', [DEPENDENCY, TARGET, SCRIPT])]), {
    flaw: 'prototype-pollution',
    ownScript: false,
  });
  assert.ok(judgement.fired);
  assert.deepEqual(judgement.position, { file: 'dep/index.js', line: 8, column: 3 });
  assert.deepEqual(judgement.frames, ['dep/index.js:8', 'name/index.js:8']);
});

test('a write by a callback of the script is the deed of the script, though the target is on the stack', () => {
  assert.equal(reasonOf(run([event('pollute', [SCRIPT, TARGET, SCRIPT])])), 'self-inflicted');
});

test('one deed of the script spoils a run in which the target did the same', () => {
  assert.equal(reasonOf(run([POLLUTED, event('pollute', [SCRIPT, NODE])])), 'self-inflicted');
});

test('frames of a script that is our own rendering are passed over', () => {
  const wrapped = run([event('pollute', [SCRIPT, TARGET, SCRIPT])]);
  assert.equal(reasonOf(wrapped, 'prototype-pollution', true), 'fired');
});

test('an effect that nobody was seen to cause does not count', () => {
  assert.equal(reasonOf(run([])), 'unwitnessed');
  assert.equal(reasonOf(run([event('pollute', [NODE])])), 'unwitnessed');
});

test('evaluated code belongs to who had it evaluated', () => {
  const by = (place: string) => frame('', `eval at f (${place}:3:4)`);
  const of = (frames: readonly Frame[]) => reasonOf(run([event('evaluate', frames)]), 'code-injection');
  assert.equal(of([by('/work/node_modules/name/index.js'), SCRIPT]), 'fired');
  assert.equal(of([by('/work/reproduce.cjs'), TARGET]), 'self-inflicted');
  assert.equal(of([frame('', '/work/node_modules/name/index.js'), SCRIPT]), 'self-inflicted');
  assert.equal(of([frame('evalmachine.<anonymous>'), frame('node:vm'), TARGET]), 'fired');
});

test('a marker that the target sets without evaluating anything is no code injection', () => {
  assert.equal(reasonOf(run([event('evaluate', [TARGET, SCRIPT])]), 'code-injection'), 'unwitnessed');
  assert.equal(reasonOf(run([event('evaluate', [BUILTIN, TARGET, SCRIPT])]), 'code-injection'), 'unwitnessed');
});

test('a command counts only where its text bore the canary into a shell', () => {
  const started = (detail: Readonly<Record<string, string>>) =>
    reasonOf(
      run([event('start-program', [TARGET], { directory: '/work', ...detail })], { leftFile: true }),
      'command-injection',
    );
  assert.equal(started({ program: `echo $(touch ${CANARY})`, arguments: '', shell: 'yes' }), 'fired');
  assert.equal(started({ program: 'sh', arguments: `-c\u001ftouch ${CANARY}`, shell: 'no' }), 'fired');
  assert.equal(started({ program: 'echo', arguments: `; touch ${CANARY}`, shell: 'no' }), 'unwitnessed');
  assert.equal(started({ program: 'echo hello', arguments: '', shell: 'yes' }), 'unwitnessed');
});

test('a command whose file was not left behind does not count', () => {
  const started = event('start-program', [TARGET], { program: `touch ${CANARY}`, shell: 'yes', directory: '/work' });
  assert.equal(reasonOf(run([started]), 'command-injection'), 'unwitnessed');
});

test('what a script of the target, written to disk, starts is the deed of the target', () => {
  const written = event('touch-file', [TARGET], { call: 'writeFileSync', path: '/tmp/x.js', named: 'yes' });
  const started = event('start-program', [frame('/tmp/x.js')], {
    program: `touch ${CANARY}`,
    shell: 'yes',
    directory: '/work',
  });
  assert.equal(reasonOf(run([written, started], { leftFile: true }), 'command-injection'), 'fired');
  assert.equal(reasonOf(run([started], { leftFile: true }), 'command-injection'), 'self-inflicted');
});

const slow = (length: number, milliseconds: number) =>
  event('expression', [TARGET], {
    source: 'a+$',
    flags: '',
    length: `${length}`,
    microseconds: `${milliseconds * 1_000}`,
  });

test('growth counts, slowness does not, and times beyond what the kernel counted are a lie', () => {
  const grown = [slow(1_000, 10), slow(2_000, 40), slow(4_000, 160)];
  assert.equal(reasonOf(run(grown), 'redos'), 'fired');
  assert.equal(reasonOf(run([slow(1_000, 100), slow(2_000, 200), slow(4_000, 400)]), 'redos'), 'unwitnessed');
  assert.equal(reasonOf(run(grown, { cpuMs: 10 }), 'redos'), 'meddled');
});

test('the exponent is that of the data, and noise is no growth', () => {
  const of = (power: number) =>
    [1_000, 2_000, 4_000].map((size) => ({ size, milliseconds: 50 * (size / 1_000) ** power }));
  assert.ok(Math.abs((exponentOf(of(2)) ?? 0) - 2) < 1e-9);
  assert.equal(growsFast(of(1.4)), false);
  assert.equal(growsFast(of(1.6)), true);
  assert.equal(growsFast([1, 2, 4].map((size) => ({ size, milliseconds: size ** 2 }))), false);
  assert.equal(exponentOf([{ size: 1, milliseconds: 5 }]), undefined);
});

test('the last fourfold of the input decides: shorter inputs pay for the call and for an expression not yet compiled', () => {
  const measured = [
    [519, 11],
    [1_031, 12],
    [2_055, 32],
    [4_103, 40],
    [8_199, 139],
    [16_391, 500],
  ] as const;
  const points = measured.map(([size, milliseconds]) => ({ size, milliseconds }));
  assert.ok((exponentOf(points) ?? 0) > 1.7);
  assert.equal(growsFast(points), true);
  assert.equal(growsFast(points.map((point) => ({ ...point, milliseconds: 20 + point.size / 50 }))), false);
});

test('what a harmless input of the same length takes does not count as growth', () => {
  const sizes = [4_000, 8_000, 16_000];
  const short = [slow(16_000, 200)];
  const told = (cpuMs: readonly number[], controlMs: readonly number[]) =>
    run(short, {
      verdict: { fired: true, reached: true, oracle: '', frames: [], growth: { sizes, cpuMs, exponent: 2, controlMs } },
    });
  assert.equal(reasonOf(told([100, 180, 360], [0, 0, 0]), 'redos'), 'unwitnessed');
  assert.equal(reasonOf(told([100, 180, 360], [90, 140, 200]), 'redos'), 'fired');
  // One time for all says what the longest harmless input took, and is no price of the shorter ones.
  assert.equal(reasonOf(told([100, 180, 360], [200]), 'redos'), 'unwitnessed');
});

test('a run that was killed, said nothing or was not watched is no evidence', () => {
  assert.equal(reasonOf(run([POLLUTED], { end: 'time', exitCode: 124 })), 'no-verdict');
  assert.equal(reasonOf(run([POLLUTED], { verdict: undefined })), 'no-verdict');
  assert.equal(reasonOf({ ...run([]), events: [POLLUTED] }), 'meddled');
  assert.equal(reasonOf(run([{ ...POLLUTED, bent: true }])), 'meddled');
});

test('for comparing versions, only a reached call that did nothing is silent', () => {
  const options = { flaw: 'prototype-pollution', ownScript: false } as const;
  const verdict = (fired: boolean, reached: boolean) => ({ fired, reached, oracle: '', frames: [] });
  assert.equal(outcomeOf(run([POLLUTED]), options).outcome, 'fires');
  assert.equal(outcomeOf(run([], { exitCode: 1, verdict: verdict(false, true) }), options).outcome, 'silent');
  assert.equal(outcomeOf(run([], { exitCode: 2, verdict: verdict(false, false) }), options).outcome, 'not-comparable');
  assert.equal(outcomeOf(run([], { end: 'memory' }), options).outcome, 'not-comparable');
});

const QUIET = run([], { exitCode: 1, verdict: { fired: false, reached: false, oracle: '', frames: [] } });
const EVIDENCE: Evidence = {
  runs: [run([POLLUTED]), run([POLLUTED]), run([POLLUTED])],
  withoutTarget: QUIET,
  onStub: QUIET,
};
const FLAWED = { flaw: 'prototype-pollution', ownScript: false } as const;

function verdictOf(change: Partial<Evidence>, flaw: FlawClass = 'prototype-pollution'): string {
  const outcome = confirm({ ...EVIDENCE, ...change }, { ...FLAWED, flaw });
  return outcome.ok ? 'confirmed' : outcome.refusal.reason;
}

test('three of three and silent controls confirm', () => assert.equal(verdictOf({}), 'confirmed'));

test('each missing piece of the evidence refuses', () => {
  const silent = run([], { exitCode: 1, verdict: { fired: false, reached: true, oracle: '', frames: [] } });
  const [one] = EVIDENCE.runs as [ObservedRun];
  assert.equal(verdictOf({ runs: [one, one] }), 'no-verdict');
  assert.equal(verdictOf({ runs: [] }), 'no-verdict');
  assert.equal(verdictOf({ runs: [one, silent, one] }), 'flaky');
  assert.equal(verdictOf({ runs: [silent, silent, silent] }), 'silent');
  assert.equal(verdictOf({ withoutTarget: run([]) }), 'fires-without-target');
  assert.equal(verdictOf({ onStub: run([]) }), 'fires-on-stub');
  assert.equal(verdictOf({ onStub: { ...QUIET, leftFile: true } }), 'fires-on-stub');
});

test('a control that a limit cut off was not seen to be silent', () => {
  for (const end of ['time', 'memory', 'pids', 'signal'] as const) {
    assert.equal(verdictOf({ onStub: { ...QUIET, end, verdict: undefined } }), 'no-verdict');
    assert.equal(verdictOf({ withoutTarget: { ...QUIET, end, verdict: undefined } }), 'no-verdict');
  }
});

test('a command that a shell alone does not repeat is refused', () => {
  const started = event('start-program', [TARGET], { program: `touch ${CANARY}`, shell: 'yes', directory: '/work' });
  const runs = [1, 2, 3].map(() => run([started], { leftFile: true }));
  assert.equal(verdictOf({ runs }, 'command-injection'), 'unwitnessed');
  assert.equal(verdictOf({ runs, shellAlone: false }, 'command-injection'), 'unwitnessed');
  assert.equal(verdictOf({ runs, shellAlone: true }, 'command-injection'), 'confirmed');
});
