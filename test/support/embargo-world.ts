/**
 * Cases on a real Postgres that come due minutes after they are opened, and the faults their workers live with: kills,
 * clocks an hour wrong, other time zones, jobs lost, doubled, late or early, and a database clock that jumps and comes back.
 *
 * What was shown when is written down by triggers, in true time: no stamp of the system under test is believed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../../src/lib/seeded-random.ts';
import type { OpenDatabase } from '../../src/store/open-database.ts';

const DAY_MS = 86_400_000;
const WORKERS = 3;
/** Between two kills, on average, beside the time that the next worker takes to start. */
const KILL_EVERY_MS = 12_000;
/** Between two jumps of the database's clock, and how long one lasts. */
const JUMP_EVERY_MS = 240_000;
const JUMP_LASTS_MS = 15_000;
const JUMPS_MS = [-2 * 3_600_000, 2 * 3_600_000, 30 * DAY_MS, 400 * DAY_MS] as const;
/** Whose summer time ends between the report and the deadline, or begins, or that have none. */
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Kiritimati'] as const;
const SETTLE_MS = 60_000;

export interface EmbargoWorld {
  readonly database: OpenDatabase;
  readonly url: string;
  readonly home: string;
  readonly masterKey: Buffer;
  readonly random: SeededRandom;
}

type JobFates = { readonly lost: number; readonly doubled: number; readonly late: number; readonly early: number };

export interface Plan {
  readonly cases: number;
  /** Processes that open them. */
  readonly openers: number;
  /** From the opening of a case to its deadline, in true time. */
  readonly aheadMs: number;
  /** No more cases are opened then, however few they are. */
  readonly until: Date;
}

export interface Worked {
  /** Of each case, in true time. */
  readonly due: ReadonlyMap<string, number>;
  readonly jobs: JobFates;
  readonly kills: number;
  /** When the database's clock was wrong. */
  readonly jumps: readonly Jump[];
}

/** Opens the cases while workers handle their deadlines, until a minute after the last; kills and jumps go on throughout. */
export async function liveThrough(world: EmbargoWorld, plan: Plan): Promise<Worked> {
  await setClock(world.database, 0);
  await watch(world.database);
  const children = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(world)));
  const due = new Map<string, number>();
  const jobs = { lost: 0, doubled: 0, late: 0, early: 0 };
  const opening = Promise.all(
    Array.from({ length: plan.openers }, () =>
      open(world, plan, (told) => {
        if ('id' in told) due.set(told.id, told.dueAt);
        else for (const fate of Object.keys(jobs) as (keyof JobFates)[]) jobs[fate] += told.jobs[fate];
      }),
    ),
  );
  const end = new AbortController();
  const jumping = jump(world, end.signal);
  const killing = kill(world, children, jumping, end.signal);
  await opening;
  await sleep(Math.max(0, Math.max(...due.values()) - Date.now()));
  end.abort();
  const [jumps, kills] = await Promise.all([jumping.done, killing]);
  await sleep(SETTLE_MS);
  for (const child of children) child.kill('SIGKILL');
  return { due, jobs, kills, jumps };
}

type Told = { readonly id: string; readonly dueAt: number } | { readonly jobs: JobFates };

async function open(
  { url, masterKey, home, random }: EmbargoWorld,
  { cases, openers, aheadMs, until }: Plan,
  onTold: (told: Told) => void,
): Promise<void> {
  const file = join(import.meta.dirname, 'embargo-opening-process.ts');
  const given = [url, masterKey.toString('hex'), home, String(Math.ceil(cases / openers)), String(aheadMs)];
  const child = fork(file, [...given, String(until.getTime()), String(random.below(1e9))], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.on('message', (told) => onTold(told as Told));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`a process that opens cases ended with ${code}`);
}

async function kill(
  world: EmbargoWorld,
  children: ChildProcess[],
  jumping: { isOn(): boolean },
  signal: AbortSignal,
): Promise<number> {
  const { random } = world;
  for (let kills = 0; ; kills += 1) {
    await sleep(KILL_EVERY_MS / 2 + random.below(KILL_EVERY_MS), undefined, { signal }).catch(() => {});
    if (signal.aborted) return kills;
    // The first outlives a jump: only who knew the clock before it can tell that it is right again.
    const index = jumping.isOn() ? 1 + random.below(WORKERS - 1) : random.below(WORKERS);
    children[index]?.kill('SIGKILL');
    children[index] = await startWorker(world);
  }
}

async function startWorker(world: EmbargoWorld): Promise<ChildProcess> {
  const { url, masterKey, home, random } = world;
  const skew = random.pick([-3_600_000, 3_600_000, 0, random.below(7_200_000) - 3_600_000]);
  const file = join(import.meta.dirname, 'embargo-process.ts');
  const child = fork(file, [url, masterKey.toString('hex'), home, String(skew), String(random.below(1e9))], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, TZ: random.pick(ZONES), NODE_COMPILE_CACHE: join(home, 'compiled') },
  });
  const isReady = await Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)]);
  // A machine with much else to do may not answer it in time.
  return isReady ? child : await startWorker(world);
}

async function setClock(database: OpenDatabase, ms: number): Promise<void> {
  await database.query(
    `create or replace function timekeeping.instant() returns timestamptz language sql volatile
     as $$ select clock_timestamp() + ${Math.round(ms)} * interval '1 ms' $$`,
  );
}

/** True time, whatever the clock says that deadlines obey. */
async function watch(database: OpenDatabase): Promise<void> {
  await database.query(`
    create table public.seen (case_id text, what text, at timestamptz not null default clock_timestamp());
    create function public.see_clock() returns trigger language plpgsql as $$ begin
      if new.reached_at is not null and old.reached_at is null then
        insert into public.seen (case_id, what) values (new.case_id, 'reached ' || new.kind);
      end if; return new; end $$;
    create function public.see_opening() returns trigger language plpgsql as $$ begin
      insert into public.seen (case_id, what) values (new.case_id, 'opened'); return new; end $$;
    create function public.see_event() returns trigger language plpgsql as $$ begin
      if new.event = 'disclose' then insert into public.seen (case_id, what) values (new.case_id, 'disclosed'); end if;
      return new; end $$;
    create trigger see after update on disclosure.clocks for each row execute function public.see_clock();
    create trigger see after update on disclosure.commitments for each row
      when (new.ended_at is not null and old.ended_at is null) execute function public.see_opening();
    create trigger see after insert on disclosure.case_events for each row execute function public.see_event();
  `);
}

export interface Jump {
  readonly from: number;
  readonly to: number;
}

function jump({ database, random }: EmbargoWorld, signal: AbortSignal) {
  let on = false;
  const jumps: Jump[] = [];
  const done = (async (): Promise<readonly Jump[]> => {
    for (;;) {
      await sleep(JUMP_EVERY_MS / 2 + random.below(JUMP_EVERY_MS), undefined, { signal }).catch(() => {});
      if (signal.aborted) return jumps;
      on = true;
      const from = Date.now();
      await setClock(database, random.pick(JUMPS_MS));
      await sleep(JUMP_LASTS_MS);
      await setClock(database, 0);
      jumps.push({ from, to: Date.now() });
      on = false;
    }
  })();
  return { done, isOn: () => on };
}

export interface DatabaseTally {
  readonly handled: number;
  readonly early: number;
  readonly late: number;
  readonly unhandled: number;
  readonly worstLateMs: number;
  readonly revealed: number;
  /** Handled more than once. */
  readonly twice: number;
  readonly holds: number;
}

/** In true time, from the deadline, or from when a clock that was wrong then was right again. */
export async function countUp(
  { database }: EmbargoWorld,
  { due, jumps }: Worked,
  lateMs: number,
): Promise<DatabaseTally> {
  const { rows } = await database.query<{ id: string; what: string; at: Date }>(
    'select case_id as id, what, at from public.seen order by at',
  );
  const seen = Map.groupBy(rows, ({ id }) => id);
  const tally = { handled: 0, early: 0, late: 0, unhandled: 0, worstLateMs: 0, revealed: 0, twice: 0 };
  for (const [id, dueAt] of due) {
    const recoveredAt = jumps.find(({ from, to }) => from <= dueAt && dueAt <= to)?.to ?? dueAt;
    // Its silence of thirty days was over before it was opened.
    const of = (seen.get(id) ?? []).filter(({ what }) => what !== 'reached acknowledgement');
    const shown = of.filter(({ what }) => what === 'opened' || what === 'disclosed');
    tally.revealed += shown.length > 0 ? 1 : 0;
    // The table keeps microseconds, a Date milliseconds.
    if (of.some((each) => each.at.getTime() < dueAt - 1)) tally.early += 1;
    if (new Set(of.map(({ what }) => what)).size < of.length) tally.twice += 1;
    // Disclosed by the eager worker at its very instant, the clock was stopped instead of reached.
    const handledAt = of[0]?.at.getTime();
    if (handledAt === undefined) {
      tally.unhandled += 1;
      continue;
    }
    tally.handled += 1;
    tally.worstLateMs = Math.max(tally.worstLateMs, handledAt - recoveredAt);
    if (handledAt - recoveredAt > lateMs) tally.late += 1;
  }
  const held = await database.query<{ count: number }>('select count(*)::int as count from timekeeping.holds');
  return { ...tally, holds: held.rows[0]?.count ?? 0 };
}
