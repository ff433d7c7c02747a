import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  availableMicro,
  exchange,
  type LimitId,
  type LimitState,
  readDollars,
  takeMicro,
  toDollars,
} from './credit.ts';
import { createHolding, type Holding } from './meter.ts';

const ORGANISATION: LimitId = 'organisation:a';
const PERSON: LimitId = 'person:b';
const none = { spentMicro: 0, giveMicro: 0, needMicro: 0, wantMicro: 0, slackMicro: 0 };

/** A ledger in memory: what Postgres keeps, by the same arithmetic. */
function createPool(granted: Readonly<Record<LimitId, number | undefined>>) {
  const limits = new Map<LimitId, LimitState>(
    Object.entries(granted).map(([id, grantedMicro]) => [
      id as LimitId,
      { grantedMicro, leasedMicro: 0, spentMicro: 0 },
    ]),
  );
  const held = new Map<Holding, Map<LimitId, number>>();
  return {
    limits,
    heldMicro: (id: LimitId) => [...held.values()].reduce((sum, parts) => sum + (parts.get(id) ?? 0), 0),
    run(holding: Holding, waiting: Parameters<Holding['plan']>[0], nowMs: number) {
      const parts = held.get(holding) ?? new Map<LimitId, number>();
      held.set(holding, parts);
      const asks = holding.plan(waiting, nowMs);
      const answers = asks.map((ask) => {
        const before = limits.get(ask.limit);
        assert.ok(before);
        const step = exchange(before, parts.get(ask.limit) ?? 0, ask);
        limits.set(ask.limit, step.limit);
        parts.set(ask.limit, step.heldMicro);
        assert.ok(ask.reservedMicro <= step.heldMicro, 'what is reserved is held');
        return {
          limit: ask.limit,
          heldMicro: step.heldMicro,
          takenMicro: step.takenMicro,
          availableMicro: availableMicro(step.limit),
          elsewhereMicro: step.limit.leasedMicro - step.heldMicro,
        };
      });
      holding.apply(asks, answers);
    },
  };
}

interface Gateway {
  readonly holding: Holding;
  readonly open: { limits: readonly LimitId[]; micro: number }[];
}

const step = fc.record({
  gateway: fc.nat(2),
  kind: fc.constantFrom('call', 'end', 'exchange', 'wanted'),
  micro: fc.nat(400),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  alone: fc.boolean(),
  passMs: fc.nat(40_000),
});

test('whatever three gateways do, granted = available + leased + spent and nothing is spent twice', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const granted = 1_000;
      const pool = createPool({ [ORGANISATION]: granted, [PERSON]: 700 });
      const gateways = Array.from({ length: 3 }, (): Gateway => ({ holding: createHolding(), open: [] }));
      let [nowMs, cost] = [0, 0];
      for (const { gateway: index, kind, micro, share, alone, passMs } of steps) {
        const { holding, open } = gateways[index] as Gateway;
        nowMs += passMs;
        if (kind === 'call') {
          const limits = alone ? [ORGANISATION] : [ORGANISATION, PERSON];
          pool.run(holding, [{ limits, micro }], nowMs);
          if (holding.reserve(limits, micro, nowMs)) open.push({ limits, micro });
        } else if (kind === 'end') {
          const ended = open.shift();
          if (!ended) continue;
          const spent = Math.floor(ended.micro * share);
          cost += spent;
          holding.post(ended.limits, ended.micro, spent);
        } else if (kind === 'wanted') holding.markWanted([ORGANISATION, PERSON]);
        else pool.run(holding, [], nowMs);
        const reserved = gateways.flatMap((each) => each.open).reduce((sum, call) => sum + call.micro, 0);
        assert.ok(cost + reserved <= granted);
        for (const [id, limit] of pool.limits) {
          assert.equal(availableMicro(limit) + limit.leasedMicro + limit.spentMicro, limit.grantedMicro);
          assert.equal(pool.heldMicro(id), limit.leasedMicro);
        }
      }
    }),
  );
});

test('after an idle time and an exchange everything that was not spent is available again', () => {
  const pool = createPool({ [ORGANISATION]: 1_000 });
  const holding = createHolding();
  pool.run(holding, [{ limits: [ORGANISATION], micro: 100 }], 0);
  assert.ok(holding.reserve([ORGANISATION], 100, 0));
  holding.post([ORGANISATION], 100, 40);
  pool.run(holding, [], 1);
  pool.run(holding, [], 60_000);
  assert.deepEqual(pool.limits.get(ORGANISATION), { grantedMicro: 1_000, leasedMicro: 0, spentMicro: 40 });
  assert.deepEqual(holding.limits(), []);
});

test('two gateways that each hold a part too small for a call do not block each other', () => {
  const pool = createPool({ [ORGANISATION]: 120 });
  const [one, other] = [createHolding(), createHolding()];
  for (const holding of [one, other]) {
    pool.run(holding, [{ limits: [ORGANISATION], micro: 50 }], 0);
    assert.ok(holding.reserve([ORGANISATION], 50, 0));
    holding.post([ORGANISATION], 50, 10);
  }
  const demand = [{ limits: [ORGANISATION], micro: 60 }];
  pool.run(one, demand, 1);
  pool.run(other, demand, 1);
  assert.ok(other.reserve([ORGANISATION], 60, 1), 'what the first gave up serves the second');
});

test('a call takes from all of its limits or from none, and an amount that is none is refused', () => {
  const pool = createPool({ [ORGANISATION]: 100, [PERSON]: 10 });
  const holding = createHolding();
  pool.run(holding, [{ limits: [ORGANISATION, PERSON], micro: 20 }], 0);
  assert.ok(!holding.reserve([ORGANISATION, PERSON], 20, 0));
  assert.deepEqual(holding.missing({ limits: [ORGANISATION, PERSON], micro: 20 }), [PERSON]);
  assert.ok(holding.reserve([ORGANISATION], 20, 0));
  for (const micro of [-1, 0.5, Number.NaN, Infinity]) {
    assert.throws(() => holding.reserve([ORGANISATION], micro, 0), RangeError);
    assert.throws(() => holding.post([ORGANISATION], 20, micro), RangeError);
  }
  assert.throws(() => holding.post([ORGANISATION], 20, 21), RangeError);
});

test('what costs nothing needs nothing in hand, before, during and after an exchange', () => {
  const pool = createPool({ [ORGANISATION]: 100 });
  const holding = createHolding();
  assert.ok(holding.reserve([ORGANISATION, PERSON], 0, 0));
  assert.deepEqual(holding.missing({ limits: [ORGANISATION], micro: 0 }), []);
  assert.deepEqual(holding.plan([{ limits: [ORGANISATION], micro: 0 }], 0), []);
  pool.run(holding, [{ limits: [ORGANISATION], micro: 10 }], 0);
  assert.ok(holding.reserve([ORGANISATION], 0, 0));
  pool.run(holding, [], 60_000);
  assert.deepEqual(holding.limits(), [], 'a call that reserved nothing keeps nothing back');
  holding.post([ORGANISATION], 0, 0);
});

test('a lease can neither spend nor give back what it does not hold', () => {
  const limit = { grantedMicro: 100, leasedMicro: 10, spentMicro: 0 };
  assert.throws(() => exchange(limit, 10, { ...none, spentMicro: 6, giveMicro: 5 }), RangeError);
  assert.equal(exchange(limit, 10, { ...none, spentMicro: 6, giveMicro: 4 }).limit.leasedMicro, 0);
});

test('what is taken ahead shrinks with what is left, and too little helps nobody', () => {
  const ask = { ...none, needMicro: 10, wantMicro: 30, slackMicro: 1_000 };
  assert.equal(takeMicro(9, ask), 0);
  assert.equal(takeMicro(10, ask), 10);
  assert.equal(takeMicro(110, ask), 40);
  assert.equal(takeMicro(1_000_000, ask), 1_030);
});

test('dollars are read exactly, and written so that they are read back', () => {
  const micro = (text: string) => {
    const read = readDollars(text);
    return read.ok ? read.value : read.refusal.kind;
  };
  assert.equal(micro('12'), 12_000_000);
  assert.equal(micro('0.000001'), 1);
  assert.equal(micro('0.1'), 100_000);
  assert.equal(micro('9007199254.740991'), Number.MAX_SAFE_INTEGER);
  assert.equal(micro('9007199254.740992'), 'too-much');
  for (const text of ['', '-1', '1e3', '.5', '1.', '0.0000001', '01', ' 1', '1,5', 'NaN', '0x1'])
    assert.equal(micro(text), 'not-an-amount', text);
  fc.assert(
    fc.property(fc.maxSafeNat(), (amount) => {
      assert.equal(micro(toDollars(amount).slice(1)), amount);
    }),
  );
});
