/** The clocks of cases: started and moved with a step, and noticed when their time has come. */
import { addDays } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Tlog } from '../tlog/index.ts';
import type { Case } from './case.ts';
import type { StepTaken } from './case-step.ts';
import { createCaseStore } from './case-store.ts';
import { createClockStore, type RunningClock } from './clock-store.ts';
import { createDetailsStore } from './details-store.ts';
import type { Duty } from './duty-clock.ts';
import { isInForce } from './embargo.ts';
import { toDay } from './new-case.ts';
import { type DetailsParts, openWithdrawn } from './sealed-details-service.ts';

/** Runs when a deadline may have passed. */
export const CLOCK_JOB = 'disclosure.clock';
/** Runs when nobody answered for as long as the policy allows; `coordination` does it. */
export const SILENCE_JOB = 'disclosure.silence';
/** Deadlines handled in one go; few, so that what another worker handled meanwhile is seldom tried. */
const REACHED_AT_ONCE = 100;

export interface DeadlineParts extends DetailsParts {
  readonly database: Database;
  readonly time: Case['time'];
  readonly random: RandomBytes;
  readonly log: Pick<Tlog, 'open' | 'append'>;
}

export async function moveClocks(
  tx: Transaction,
  { time }: Pick<DeadlineParts, 'time'>,
  it: Case,
  { clocks }: Pick<StepTaken, 'clocks'>,
  { origin, now }: { readonly origin: string; readonly now: Date },
): Promise<void> {
  await createClockStore(tx).change(it, clocks, origin, now);
  // Under a compressed clock nothing waits: who makes the days pass also looks at the clocks.
  if (time === 'compressed') return;
  for (const change of clocks) {
    if (change.change === 'stop') continue;
    const payload = { case: it.id, clock: change.clock };
    await addJob(tx, CLOCK_JOB, payload, { key: `${it.id} ${change.clock}`, runAt: change.dueAt });
  }
}

/** A deadline after the day the commitment is promised for moves that day: in the log, with the reason. */
export async function extendPromise(tx: Transaction, parts: DeadlineParts, to: Case, now: Date): Promise<void> {
  const { log } = parts;
  if (!('dueAt' in to) || !to.dueAt) return;
  const details = createDetailsStore(tx);
  const { id, openedBy } = await details.getCommitment(to.id);
  // The day after: who discloses in the last minute of the deadline is not late.
  const dueAt = addDays(to.dueAt, 1);
  if (toDay(dueAt) <= openedBy) return;
  const reason = `The deadline under the policy ${to.policy}, counted from the report, is later than the promised day.`;
  const entry = await log.append(tx, { type: 'extension', commitment: id, openedBy: toDay(dueAt), reason });
  if (!entry.ok) throw new Error(`the commitment of ${to.id} cannot be extended: ${entry.refusal.kind}`);
  await details.extendCommitment(id, toDay(dueAt));
  const clocks = [{ clock: 'opening', change: 'move', dueAt }] as const;
  await moveClocks(tx, parts, to, { clocks }, { origin: 'extended', now });
}

export async function recordEmbargo(
  tx: Transaction,
  { random }: Pick<DeadlineParts, 'random'>,
  from: Case,
  to: Case,
  now: Date,
): Promise<void> {
  const store = createClockStore(tx);
  const earlier = 'dueAt' in from ? from.dueAt?.getTime() : undefined;
  if (isInForce(to.embargo) && 'dueAt' in to && to.dueAt && to.dueAt.getTime() !== earlier) {
    await store.recordAgreement(to.id, to.dueAt, now, random);
  } else if (isInForce(from.embargo) && !isInForce(to.embargo)) {
    await store.endAgreements(to.id, now);
  }
}

/**
 * Notices deadlines that have passed, all or those of one case; each is given once. Each case is a transaction of its own: what fails for one is
 * tried again and holds up no other. While the clock is doubted nothing is noticed, because nothing may be released.
 */
export async function reachClocks(parts: DeadlineParts, caseId?: string): Promise<readonly RunningClock[]> {
  const reached: RunningClock[] = [];
  const failed: { readonly clock: RunningClock; readonly error: unknown }[] = [];
  const { heldSince, due } = await parts.database.transaction(async (tx) => {
    const instant = await parts.instants.read(tx);
    return { ...instant, due: await createClockStore(tx).listDue(instant.at, parts.time, REACHED_AT_ONCE, caseId) };
  });
  if (heldSince) return [];
  for (const clock of rotated(due, parts.random)) {
    try {
      const taken = await parts.database.transaction((tx) => reachOne(tx, parts, clock));
      if (taken) reached.push(taken);
    } catch (error) {
      failed.push({ clock, error });
    }
  }
  if (failed.length > 0) {
    const causes = failed.map(({ error }) => error);
    const names = failed.map(({ clock }) => `${clock.caseId} ${clock.kind}`).join(', ');
    throw new AggregateError(causes, `${failed.length} deadlines could not be handled: ${names}`);
  }
  // A full batch may have left some.
  const isMore = due.length === REACHED_AT_ONCE && reached.length > 0;
  return isMore ? [...reached, ...(await reachClocks(parts, caseId))] : reached;
}

/** From somewhere on, and round: workers that sweep at once begin at different places. */
function rotated<T>(list: readonly T[], random: RandomBytes): readonly T[] {
  const at = Buffer.from(random(4)).readUInt32BE() % Math.max(1, list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}

async function reachOne(
  tx: Transaction,
  parts: DeadlineParts,
  { caseId, kind }: RunningClock,
): Promise<RunningClock | undefined> {
  const instant = await parts.instants.read(tx);
  if (instant.heldSince) return undefined;
  const clock = await createClockStore(tx).markReached(caseId, kind, instant);
  const it = clock && (await createCaseStore(tx).find(caseId));
  if (!it) return undefined;
  const say = (event: string, note = '') =>
    createCaseStore(tx).recordEvent(it, { version: null, event, actor: 'clock', at: instant.at, note });
  await say(`clock-reached ${kind}`);
  if (kind === 'acknowledgement' && it.stage === 'notified') {
    await say('escalation-due', 'no answer in time: an outside coordinator is asked; the deadline stands');
    await addJob(tx, SILENCE_JOB, { case: it.id }, { key: `silence ${it.id}` });
  }
  if (kind === 'opening') await openWithdrawn(tx, parts, it, instant);
  return clock;
}

/** False where no such clock runs. What is late is said to be late. */
export async function handIn(
  tx: Transaction,
  { instants }: Pick<DeadlineParts, 'instants'>,
  id: string,
  duty: Duty,
  by: { readonly actor: string; readonly note?: string },
): Promise<boolean> {
  const cases = createCaseStore(tx);
  const it = await cases.find(id);
  if (!it) return false;
  const clocks = createClockStore(tx);
  const running = (await clocks.list(id)).find(({ kind, stoppedAt }) => kind === duty && !stoppedAt);
  if (!running) return false;
  const { at } = await instants.read(tx);
  await clocks.change(it, [{ clock: duty, change: 'stop' }], 'handed-in', at);
  const late = at > running.dueAt ? ', late' : '';
  const entry = { version: null, event: `handed-in ${duty}${late}`, actor: by.actor, at, note: by.note ?? '' };
  await cases.recordEvent(it, entry);
  return true;
}
