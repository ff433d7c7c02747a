import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSeededRandom, type SeededRandom } from '../lib/seeded-random.ts';
import { MATTERS, type Matter, type ParticipantId, ROLES, STANDINGS, type ThreadId } from './participant.ts';
import { type Change, decide, emptyCase, follow, type SharedCase } from './shared-case.ts';
import { mayView, viewFor } from './view.ts';

const US: ParticipantId = 'party_us';
const START = Date.parse('2030-01-01T00:00:00Z');

/** Everything that could leak bears a text of its own. */
const CONTENT = Object.fromEntries(MATTERS.map((matter) => [matter, `MATTER-${matter}`])) as Record<Matter, string>;

const PARTIES = 6;
const THREADS = 3;
const CHANGES_A_CASE = 60;

/** Applied so far, each as it was made; the oracle knows nothing else. */
type Log = readonly Change[];

/**
 * The oracle: reads the raw list from its end, one question at a time, and shares no line with `view.ts`. It was written
 * from the rule: "bound and in need of it; messages from the moment of joining; nothing after leaving".
 */
const oracle = {
  last(log: Log, isIt: (change: Change) => boolean): number {
    for (let index = log.length - 1; index >= 0; index -= 1) if (isIt(log[index] as Change)) return index;
    return -1;
  },
  takesPart(log: Log, who: string): boolean {
    const came = this.last(log, (it) => it.kind === 'invited' && it.who === who);
    return came >= 0 && this.last(log, (it) => it.kind === 'left' && it.who === who) < came;
  },
  isBound(log: Log, who: string): boolean {
    return this.takesPart(log, who) && this.last(log, (it) => it.kind === 'bound' && it.who === who) >= 0;
  },
  needs(log: Log, who: string, matter: string): boolean {
    const given = this.last(log, (it) => it.kind === 'need-given' && it.who === who && it.matter === matter);
    const taken = this.last(log, (it) => it.kind === 'need-taken' && it.who === who && it.matter === matter);
    return given > taken;
  },
  joinedAt(log: Log, who: string, thread: string): number {
    const joined = this.last(log, (it) => it.kind === 'thread-joined' && it.who === who && it.thread === thread);
    const left = this.last(log, (it) => it.kind === 'thread-left' && it.who === who && it.thread === thread);
    if (joined <= left || !this.isBound(log, who)) return -1;
    const change = log[joined] as Extract<Change, { kind: 'thread-joined' }>;
    return change.fromStart ? 0 : joined;
  },
  /** Every text that this party may be shown. */
  allowed(log: Log, who: string): ReadonlySet<string> {
    const texts = new Set<string>();
    if (!this.takesPart(log, who)) return texts;
    const isBound = this.isBound(log, who);
    for (const matter of MATTERS) {
      if (this.needs(log, who, matter) && (isBound || matter === 'deadline')) texts.add(`MATTER-${matter}`);
    }
    const seesAll = isBound && this.needs(log, who, 'parties');
    const joined = new Map<string, number>();
    for (let each = 0; each < THREADS; each += 1)
      joined.set(`thread_${each}`, this.joinedAt(log, who, `thread_${each}`));
    log.forEach((it, index) => {
      if (it.kind === 'invited' && (seesAll || it.who === who)) texts.add(it.name);
      if (it.kind === 'thread-opened' && (joined.get(it.thread) ?? -1) >= 0) texts.add(it.product);
      if (it.kind !== 'said') return;
      const from = joined.get(it.thread) ?? -1;
      if (from >= 0 && index >= from) texts.add(it.text);
    });
    return texts;
  },
};

interface Played {
  readonly it: SharedCase;
  readonly log: Change[];
}

function randomChange(random: SeededRandom, { log }: Played): Change {
  const who = `party_${random.below(PARTIES)}` as ParticipantId;
  const thread = `thread_${random.below(THREADS)}` as ThreadId;
  const matter = random.pick(MATTERS);
  const serial = log.length;
  const kinds: readonly (() => Change)[] = [
    () => ({ kind: 'invited', who, role: random.pick(ROLES), name: `NAME-${who}-`, address: null, zone: 'UTC' }),
    () => ({ kind: 'bound', who }),
    () => ({ kind: 'need-given', who, matter }),
    () => ({ kind: 'need-given', who, matter: 'parties' }),
    () => ({ kind: 'need-taken', who, matter }),
    () => ({ kind: 'thread-opened', thread, product: `PRODUCT-${thread}-` }),
    () => ({ kind: 'thread-joined', thread, who, fromStart: random.below(3) === 0 }),
    () => ({ kind: 'thread-joined', thread, who, fromStart: false }),
    () => ({ kind: 'thread-left', thread, who }),
    () => ({ kind: 'said', thread, who: random.below(2) === 0 ? who : US, text: `TEXT-${serial}-` }),
    () => ({ kind: 'standing', who, standing: random.pick(STANDINGS) }),
    // Rare: who has left does not come back.
    () => (random.below(12) === 0 ? { kind: 'left', who } : { kind: 'bound', who }),
  ];
  return random.pick(kinds)();
}

function play(seed: number, changes: number, look: (played: Played, changed: string, random: SeededRandom) => void) {
  const random = createSeededRandom(seed);
  const played: Played = { it: emptyCase(US, new Date(START)), log: [] };
  for (let made = 0; made < changes; ) {
    const change = randomChange(random, played);
    if (!decide(played.it, change).ok) continue;
    follow(played.it, change, new Date(START + played.log.length * 1_000));
    played.log.push(change);
    made += 1;
    look(played, 'who' in change ? change.who : US, random);
  }
}

const TEXT = /(?:MATTER|NAME|PRODUCT|TEXT)-[\w-]+/g;
const shownIn = (page: string): ReadonlySet<string> => new Set(page.match(TEXT) ?? []);

test('over 100,000 random changes of permissions no party sees what it may not, and each sees what it may', () => {
  let changes = 0;
  let shown = 0;
  for (let seed = 1; changes < 100_000; seed += 1) {
    play(seed, CHANGES_A_CASE, ({ it, log }, changed, random) => {
      changes += 1;
      for (const who of [changed, `party_${random.below(PARTIES)}`]) {
        if (who === US) continue;
        const page = JSON.stringify(viewFor(it, CONTENT, who as ParticipantId) ?? null);
        const seen = shownIn(page);
        const allowed = oracle.allowed(log, who);
        shown += seen.size;
        if (seen.size !== allowed.size || [...seen].some((text) => !allowed.has(text))) {
          assert.deepEqual([...seen].sort(), [...allowed].sort(), `seed ${seed}, after ${log.length} changes, ${who}`);
        }
        leaksNoId(page, allowed, who);
      }
    });
  }
  assert.ok(shown > 100_000, `only ${shown} texts were shown: the changes grant too little to test anything`);
});

/** Lists of who knows what, and of proposals, name nobody and no thread that may not be seen. */
function leaksNoId(page: string, allowed: ReadonlySet<string>, who: string): void {
  for (const id of page.match(/(?:party|thread)_\d+/g) ?? []) {
    const text = id.startsWith('party') ? `NAME-${id}-` : `PRODUCT-${id}-`;
    assert.ok(allowed.has(text), `${who} is shown ${id}`);
  }
}

test('a view that forgot to ask would be caught: the oracle finds each planted leak', () => {
  const leaks = { left: 0, unneeded: 0, earlier: 0 };
  play(7, 3_000, ({ it, log }, changed) => {
    if (changed === US) return;
    const allowed = oracle.allowed(log, changed);
    const party = it.participants.get(changed as ParticipantId);
    if (party?.stance === 'left' && allowed.size === 0) leaks.left += 1;
    if (party?.stance === 'bound' && !allowed.has('MATTER-reproducer')) leaks.unneeded += 1;
    for (const { members, messages } of it.threads.values()) {
      if (members.has(changed as ParticipantId) && messages.some(({ text }) => !allowed.has(text))) leaks.earlier += 1;
    }
  });
  for (const [name, count] of Object.entries(leaks)) assert.ok(count > 0, `${name}: the changes never come there`);
});

test('whoever is not invited sees nothing, and an unknown piece is refused', () => {
  const it = emptyCase(US, new Date(START));
  assert.equal(viewFor(it, CONTENT, 'party_stranger'), undefined);
  assert.equal(mayView(it, 'party_stranger', { kind: 'case' }), false);
  const bound: readonly Change[] = [
    { kind: 'invited', who: 'party_1', role: 'vendor', name: 'one', address: null, zone: 'UTC' },
    { kind: 'bound', who: 'party_1' },
  ];
  for (const change of bound) follow(it, change, new Date(START));
  assert.equal(mayView(it, 'party_1', { kind: 'everything' } as never), false);
  assert.equal(mayView(it, US, { kind: 'matter', matter: 'reproducer' }), true);
});

test('who knows what from when until when stays visible after it was taken away', () => {
  const it = emptyCase(US, new Date(START));
  const steps: readonly Change[] = [
    { kind: 'invited', who: 'party_1', role: 'downstream', name: 'one', address: null, zone: 'UTC' },
    { kind: 'need-given', who: 'party_1', matter: 'patch' },
    { kind: 'bound', who: 'party_1' },
    { kind: 'need-taken', who: 'party_1', matter: 'patch' },
    { kind: 'left', who: 'party_1' },
  ];
  for (const [index, change] of steps.entries()) {
    assert.ok(decide(it, change).ok);
    follow(it, change, new Date(START + index));
  }
  const lines = it.knows
    .filter(({ who }) => who === 'party_1')
    .map(({ what, since, until }) => [what, since.getTime() - START, until ? until.getTime() - START : null]);
  assert.deepEqual(lines, [
    ['existence', 0, 4],
    ['patch', 2, 3],
  ]);
});
