// biome-ignore-all lint/suspicious/noTemplateCurlyInString: hostile text is the point.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { simplifications, variantsOf } from './payload.ts';
import type { PlanValue, ProbePlan } from './plan.ts';
import { entryText, readPlan, renderReproducer, reproducerFileName } from './render.ts';
import { type ReproducerVerdict, readVerdict } from './verdict.ts';

/** A package of our own with one flaw of each class, and guarded twins of them. */
const FLAWED = `
const { exec } = require('node:child_process');
function merge(into, from) {
  for (const key of Object.keys(from)) {
    if (from[key] && typeof from[key] === 'object') { into[key] = into[key] || {}; merge(into[key], from[key]); }
    else into[key] = from[key];
  }
  return into;
}
exports.merge = merge;
exports.guarded = (into, from) => (Object.hasOwn(from, '__proto__') ? into : merge(into, JSON.parse(JSON.stringify(from))));
exports.list = (options, done) => exec('ls -- "' + options.path + '"', done);
exports.Calculator = class { sum(text) { return new Function('return 1+' + text)(); } };
exports.quiet = () => undefined;
`;

const P: PlanValue = { kind: 'payload' };
const base = { file: '', format: 'cjs' } as const;
const get = (name: string) => ({ kind: 'get', name }) as const;
const call = (...args: PlanValue[]) => ({ kind: 'call', args, after: [] }) as const;

const POLLUTES: ProbePlan = {
  ...base,
  flaw: 'prototype-pollution',
  reach: [get('merge')],
  drive: call({ kind: 'json', value: {} }, { kind: 'parse', text: '{{payload}}' }),
  payload: '{"__proto__":{"{{canary}}":"1"}}',
};
const COMMANDS: ProbePlan = {
  ...base,
  flaw: 'command-injection',
  reach: [get('list')],
  drive: call({ kind: 'any-property', value: P, seen: ['path'] }, { kind: 'callback' }),
  payload: '$(touch {{canary}})',
};
const EVALUATES: ProbePlan = {
  ...base,
  flaw: 'code-injection',
  reach: [get('Calculator'), { kind: 'construct', args: [] }, get('sum')],
  drive: call(P),
  payload: '(globalThis.{{canary}}=1)',
};

interface Ran {
  readonly status: number;
  readonly verdict: ReproducerVerdict | undefined;
}

async function reproduce(plan: ProbePlan, source: string | null = FLAWED): Promise<Ran> {
  const directory = await mkdtemp(join(tmpdir(), 'probe-render-'));
  try {
    if (source !== null) {
      await mkdir(join(directory, 'node_modules', 'flawed'), { recursive: true });
      await writeFile(join(directory, 'node_modules', 'flawed', 'index.js'), source);
    }
    const file = reproducerFileName(plan);
    await writeFile(join(directory, file), renderReproducer(plan, { packageName: 'flawed' }));
    return await new Promise((resolve) => {
      execFile(process.execPath, [file, 'hscanary'], { cwd: directory }, (error, stdout) => {
        resolve({ status: typeof error?.code === 'number' ? error.code : 0, verdict: readVerdict(stdout, 'hscanary') });
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

for (const plan of [POLLUTES, COMMANDS, EVALUATES]) {
  test(`a reproducer of ${plan.flaw} fires through the flawed line and says so with status 0`, async () => {
    const { status, verdict } = await reproduce(plan);
    assert.equal(status, 0);
    assert.equal(verdict?.fired, true);
    assert.equal(verdict.reached, true);
    assert.match(verdict.frames[0] ?? '', /^flawed\/index\.js:\d+$/);
  });

  test(`a reproducer of ${plan.flaw} on a package whose function does nothing: reached, silent, status 1`, async () => {
    const names = ['merge', 'list'].map((name) => `exports.${name} = () => undefined;`).join('');
    const { status, verdict } = await reproduce(plan, `${names} exports.Calculator = class { sum() {} };`);
    assert.equal(status, 1);
    assert.deepEqual([verdict?.fired, verdict?.reached], [false, true]);
  });

  test(`a reproducer of ${plan.flaw} without the package: not reached, status 2`, async () => {
    const { status, verdict } = await reproduce(plan, null);
    assert.equal(status, 2);
    assert.deepEqual([verdict?.fired, verdict?.reached], [false, false]);
  });

  test(`the plan of ${plan.flaw} is read back from its reproducer as it was`, () => {
    assert.deepEqual(readPlan(renderReproducer(plan, { packageName: 'flawed' })), plan);
  });

  test(`there are 20 different variants of ${plan.flaw}, the same for the same seed`, () => {
    const variants = variantsOf(plan, 20, 7);
    assert.equal(new Set(variants.map(({ payload }) => payload)).size, 20);
    assert.equal(
      variants.some(({ payload }) => payload === plan.payload),
      false,
    );
    assert.deepEqual(variantsOf(plan, 20, 7), variants);
  });
}

for (const payload of [
  '__proto__',
  'constructor.prototype',
  '__proto__.{{canary}}',
  '/__proto__/{{canary}}',
  '["__proto__","{{canary}}"]',
  '[__proto__]\n{{canary}} = "1"\n',
  '--__proto__.{{canary}}=1',
])
  test(`there are 20 variants of the payload ${JSON.stringify(payload)}`, () => {
    assert.equal(new Set(variantsOf({ ...POLLUTES, payload }, 20, 1).map((plan) => plan.payload)).size, 20);
  });

test('an effect that the target did not cause does not fire', async () => {
  const selfInflicted: ProbePlan = { ...EVALUATES, reach: [get('quiet')] };
  const { verdict } = await reproduce(selfInflicted);
  assert.deepEqual([verdict?.fired, verdict?.reached], [false, true]);
});

test('an effect that comes later is seen, be it of a timer or of a program that nobody waits for', async () => {
  const later = `
const { spawn } = require('node:child_process');
exports.list = ({ path }) => {
  spawn('sh', ['-c', 'sleep 0.1; ls -- "' + path + '"'], { stdio: 'ignore', detached: true }).unref();
};
exports.Calculator = class { sum(text) { setTimeout(() => new Function('return 1+' + text)(), 100); } };
`;
  for (const plan of [EVALUATES, COMMANDS]) assert.equal((await reproduce(plan, later)).verdict?.fired, true);
});

test('among the variants of a payload are some that pass a guard against the one spelling', async () => {
  const guarded: ProbePlan = { ...POLLUTES, reach: [get('guarded')] };
  assert.equal((await reproduce(guarded)).verdict?.fired, false);
  const outcomes: boolean[] = [];
  for (const variant of variantsOf(guarded, 6, 1)) outcomes.push((await reproduce(variant)).verdict?.fired === true);
  assert.ok(outcomes.includes(true));
});

test('an any-property object gives way to a plain one with a name that was read', async () => {
  const simpler = simplifications(COMMANDS).find(({ drive }) =>
    JSON.stringify(drive).includes('"members":[["path",{"kind":"payload"}]]'),
  );
  assert.ok(simpler);
  assert.equal((await reproduce(simpler)).verdict?.fired, true);
  assert.equal(entryText(simpler, 'flawed'), "require('flawed').list({ path: payload }, function callback() {})");
});

test('a text that holds no plan, or one with a path out of the package or a made-up step, gives none', () => {
  const line = (plan: unknown) => `// plan: ${JSON.stringify(plan)}\n`;
  assert.equal(readPlan('console.log(1)'), undefined);
  assert.equal(readPlan('// plan: {"flaw"'), undefined);
  assert.equal(readPlan(line({ ...POLLUTES, file: '../../etc/passwd' })), undefined);
  assert.equal(readPlan(line({ ...POLLUTES, reach: [{ kind: 'get', name: { toString: 1 } }] })), undefined);
  assert.equal(readPlan(line({ ...COMMANDS, programs: ['../x'] })), undefined);
  assert.deepEqual(readPlan(line(POLLUTES)), POLLUTES);
});

test('hostile text in a plan stays text: quotes, back-quotes, line ends and placeholders do not end a literal', async () => {
  const nasty = 'a\'"`${process.exit(9)}\n\u2028*/\\';
  const plan: ProbePlan = {
    ...POLLUTES,
    drive: call({ kind: 'json', value: nasty }, { kind: 'text', text: `${nasty}{{canary}}` }),
    reach: [get('quiet')],
  };
  const { status, verdict } = await reproduce(plan);
  assert.equal(status, 1);
  assert.equal(verdict?.reached, true);
});

test('a package that asks for a helper Node has no more is reproduced with it put back', async () => {
  const source = `const util = require('util'); ${FLAWED.replace("from[key] && typeof from[key] === 'object'", 'util.isObject(from[key])')}`;
  const lines = renderReproducer({ ...POLLUTES, legacy: true }, { packageName: 'flawed' });
  assert.match(lines, /util\.isObject/);
  assert.equal((await reproduce({ ...POLLUTES, legacy: true }, source)).verdict?.fired, true);
  assert.equal((await reproduce(POLLUTES, source)).verdict?.fired, false);
});
