/**
 * Thousands of messages over every channel, to other sides of which one answer in ten is lost, spoilt or late, by workers
 * that are killed with -9 at random moments. What arrived is counted at the other side, by marker.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, createOutbox, type Message } from '../../src/contact/index.ts';
import { createCaseStore } from '../../src/disclosure/case-store.ts';
import { findCase } from '../../src/disclosure/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createId, systemRandom } from '../../src/lib/id.ts';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { createTestDatabase, type TestDatabase } from '../../src/store/test-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { startFakeGithub } from '../support/fake-github.ts';
import { startFakeVince } from '../support/fake-vince.ts';
import { AMBIGUOUS, type Asked, type HttpFault, startFaultyServer } from '../support/faulty-server.ts';
import { type MailFault, startMailServer } from '../support/mail-server.ts';
import { carriersTo, type Fakes, SENDER } from '../support/outbox-world.ts';

export interface Trial {
  readonly messages: number;
  readonly workers: number;
  /** Of postings and of looks alike. */
  readonly ambiguousShare: number;
  /** At most; each of a worker that has begun to work, at a random moment of its next `killWithinMs`. */
  readonly kills: number;
  readonly killWithinMs: number;
  readonly seed: number;
  readonly onProgress?: (open: number, kills: number) => void;
}

type ChannelName = Address['channel'];

export interface Fate {
  messages: number;
  sent: number;
  /** Found by reading back. */
  readBack: number;
  refused: number;
  /** Waiting for a person: arrived or not. */
  uncertain: number;
  uncertainArrived: number;
  attempts: number;
  /** Said to be sent, and nowhere to be found; or refused, and there. */
  lost: number;
  doubled: number;
}

export interface TrialReport {
  readonly fates: ReadonlyMap<ChannelName, Fate>;
  readonly kills: number;
  /** Attempts of the last moments without an outcome just after a kill, summed: the killed worker's, and its neighbours'. */
  readonly caught: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly unsettled: number;
  readonly strangers: number;
  readonly failures: readonly string[];
  readonly seconds: number;
}

const PROJECTS = 281;
const POST_BATCH = 200;
const POLL_MS = 250;
const LIMIT_MS = 45 * 60_000;
/** After the sender has given up, and before it takes silence for absence. */
const LATE_MS = 300;
const MAIL_FAULTS: readonly MailFault[] = ['lose-before', 'lose-after'];
const MARKER = /message_[0-9a-f]{32}/;

export async function killOutbox(trial: Trial): Promise<TrialReport> {
  const started = performance.now();
  const random = createSeededRandom(trial.seed);
  const faults = new Map<string, number>();
  const sides = await openSides(random, trial, faults);
  const database = await createTestDatabase();
  const masterKey = randomBytes(32);
  try {
    await post(database, masterKey, sides.fakes, trial, random);
    const order = { url: database.url, masterKey: masterKey.toString('base64'), fakes: sides.fakes };
    const run = await runUntilSettled(database, order, trial, random);
    const messages = await listAll(database);
    const counted = count(messages, sides.arrivals());
    return { ...counted, ...run, faults, seconds: (performance.now() - started) / 1_000 };
  } finally {
    await database.drop();
    await sides.close();
  }
}

async function openSides(random: SeededRandom, { ambiguousShare }: Trial, faults: Map<string, number>) {
  const note = <F extends string>(kind: string, fault: F): F => {
    if (fault !== 'none') faults.set(`${kind}: ${fault}`, (faults.get(`${kind}: ${fault}`) ?? 0) + 1);
    return fault;
  };
  const fault = (kind: string) => (): HttpFault =>
    note(kind, random.next() < ambiguousShare ? random.pick(AMBIGUOUS) : 'none');
  const options = (kind: string) => ({
    postFault: fault(`${kind}, posting`),
    lookFault: fault(`${kind}, look`),
    lateMs: LATE_MS,
  });
  const hooked: Asked[] = [];
  const maildir = await mkdtemp(join(tmpdir(), 'headstart-maildir-'));
  const github = await startFakeGithub(options('GitHub'));
  const vince = await startFakeVince(options('CERT/CC'));
  const hook = await startFaultyServer({
    ...options('webhook'),
    act: (asked) => {
      hooked.push(asked);
      return { status: 202, json: null };
    },
  });
  const mail = await startMailServer({
    maildir,
    fault: () => note('mail', random.next() < ambiguousShare ? random.pick(MAIL_FAULTS) : 'none'),
  });
  const fakes: Fakes = {
    github: github.origin,
    vince: vince.url.replace(/\/$/, ''),
    hook: hook.origin,
    smtpPort: mail.port,
    maildir,
  };
  return {
    fakes,
    /** Everything that lies at the other sides, as text that holds its marker. */
    arrivals: (): readonly string[] => [
      ...[...github.repositories.values()].flatMap(({ advisories, issues }) => [
        ...advisories.map(({ description }) => description ?? ''),
        ...issues.map(({ body }) => body),
      ]),
      ...vince.reports.map(({ document }) => JSON.stringify(document)),
      ...hooked.map(({ headers }) => String(headers['webhook-id'])),
      ...mail.received,
    ],
    async close(): Promise<void> {
      await Promise.all([github.close(), vince.close(), hook.close(), mail.close()]);
      await rm(maildir, { recursive: true, force: true });
    },
  };
}

/** Reports mostly, some of every other channel. */
function addressOf(index: number, { hook }: Fakes, random: SeededRandom): Address {
  const repo = `project-${random.below(PROJECTS)}`;
  const kind = index % 10;
  if (kind < 5) return { channel: 'github-report', owner: 'them', repo };
  if (kind === 5) return { channel: 'github-advisory', owner: 'us', repo };
  if (kind === 6) return { channel: 'github-issue', owner: 'open', repo };
  if (kind === 7) return { channel: 'vince', vendor: repo };
  if (kind === 8) return { channel: 'webhook', url: `${hook}/${repo}` };
  return { channel: 'smtp', mail: `${repo}@example.org` };
}

async function post(
  { database }: TestDatabase,
  masterKey: Buffer,
  fakes: Fakes,
  { messages }: Trial,
  random: SeededRandom,
): Promise<void> {
  const vault = createVault({ masterKey, random: systemRandom });
  const outbox = createOutbox({
    database,
    clock: systemClock,
    random: systemRandom,
    vault,
    from: SENDER,
    carriers: carriersTo(fakes),
    findMatter: findCase,
  });
  const matter = {
    id: createId('case', systemRandom),
    version: 1,
    kind: 'real',
    time: 'real',
    policy: 'anthropic-2026',
    openedAt: new Date(),
    parties: [],
    facts: {},
    stage: 'received',
    embargo: 'none',
  } as const;
  const keyId = await database.transaction(async (tx) => {
    await createCaseStore(tx).insert(matter, new Map());
    return vault.createKey(tx, matter.id);
  });
  for (let from = 0; from < messages; from += POST_BATCH) {
    await database.transaction(async (tx) => {
      for (let index = from; index < Math.min(messages, from + POST_BATCH); index++) {
        const address = addressOf(index, fakes, random);
        const content = { subject: `Report ${index}`, text: `Text of report ${index}.\n`, severity: 'low' } as const;
        await outbox.post(tx, { matter, keyId, address, content, agreedBy: 'the trial' });
      }
    });
  }
}

interface Order {
  readonly url: string;
  readonly masterKey: string;
  readonly fakes: Fakes;
}

interface Worker {
  readonly child: ChildProcess;
  killAt: number;
}

async function runUntilSettled({ database }: TestDatabase, order: Order, trial: Trial, random: SeededRandom) {
  const failures: string[] = [];
  const workers: Worker[] = [];
  const start = (place: number): void => {
    const worker: Worker = { child: forkWorker(), killAt: Number.POSITIVE_INFINITY };
    worker.child.on('message', (said: { waiting?: boolean; ready?: boolean; failure?: string }) => {
      if (said.waiting) worker.child.send(order);
      if (said.ready) worker.killAt = performance.now() + random.next() * trial.killWithinMs;
      if (said.failure) failures.push(said.failure);
    });
    workers[place] = worker;
  };
  for (let place = 0; place < trial.workers; place++) start(place);
  let kills = 0;
  let caught = 0;
  const until = performance.now() + LIMIT_MS;
  try {
    for (;;) {
      await sleep(POLL_MS);
      const open = await countIn(database, ['pending', 'sending']);
      if (open === 0 || performance.now() > until) return { kills, caught, unsettled: open, failures };
      const place = workers.findIndex(({ killAt }) => killAt <= performance.now());
      const worker = kills < trial.kills ? workers[place] : undefined;
      if (!worker) continue;
      await kill(worker.child);
      kills += 1;
      // What it held is nobody's now, and stands as `sending`.
      caught += await countAbandoned(database);
      start(place);
      trial.onProgress?.(open, kills);
    }
  } finally {
    await Promise.all(workers.map(({ child }) => kill(child)));
  }
}

function forkWorker(): ChildProcess {
  const child = fork(join(import.meta.dirname, '../support/outbox-process.ts'), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return child.on('error', () => {});
}

/** Messages whose attempt was begun less than a moment ago and that no process holds any more. */
async function countAbandoned(database: TestDatabase['database']): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count from contact.messages
      where state = 'sending' and trouble is null and begun_at > now() - interval '3 s'`,
  );
  return rows[0]?.count ?? 0;
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function countIn(database: TestDatabase['database'], states: readonly string[]): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    'select count(*)::int as count from contact.messages where state = any($1)',
    [states],
  );
  return rows[0]?.count ?? 0;
}

type Row = Pick<Message, 'id' | 'channel' | 'state' | 'attempts' | 'settledBy'>;

async function listAll({ database }: TestDatabase): Promise<readonly Row[]> {
  const { rows } = await database.query<Row>(
    'select id, channel, state, attempts, settled_by as "settledBy" from contact.messages',
  );
  return rows;
}

function count(messages: readonly Row[], arrivals: readonly string[]) {
  const arrived = new Map<string, number>();
  for (const text of arrivals) {
    const id = MARKER.exec(text)?.[0] ?? '';
    arrived.set(id, (arrived.get(id) ?? 0) + 1);
  }
  const fates = new Map<ChannelName, Fate>();
  for (const { id, channel, state, attempts, settledBy } of messages) {
    assert.ok(channel !== 'file', `${id} was to be sent`);
    const fate = fates.get(channel) ?? { ...NO_FATE };
    fates.set(channel, fate);
    const times = arrived.get(id) ?? 0;
    arrived.delete(id);
    fate.messages += 1;
    fate.attempts += attempts;
    if (state === 'sent' || state === 'refused' || state === 'uncertain') fate[state] += 1;
    if (settledBy === 'read-back') fate.readBack += 1;
    if (state === 'uncertain' && times > 0) fate.uncertainArrived += 1;
    if (times > 1) fate.doubled += 1;
    if ((state === 'sent' && times === 0) || (state === 'refused' && times > 0)) fate.lost += 1;
  }
  return { fates, strangers: arrived.size };
}

const NO_FATE: Fate = {
  messages: 0,
  sent: 0,
  readBack: 0,
  refused: 0,
  uncertain: 0,
  uncertainArrived: 0,
  attempts: 0,
  lost: 0,
  doubled: 0,
};

export const total = (fates: TrialReport['fates'], pick: keyof Fate): number =>
  [...fates.values()].reduce((sum, fate) => sum + fate[pick], 0);
