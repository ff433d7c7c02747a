/** The metrics of an analysis, computed from what this installation knows. What a source cannot tell is left out. */
import { endOf, measureHeadStart, type ReportedFinding, toMetrics } from '../policy/index.ts';
import { countCalls } from './call-count-service.ts';
import type { Measurement } from './metric.ts';
import type { MeasureRequest } from './rollout.ts';

export interface Sources {
  readonly home: string;
  /** Of the cases: real ones, or those of demonstrations. Undefined where they cannot be held against the log. */
  readonly findings: (kind: 'real' | 'demonstration') => Promise<readonly ReportedFinding[] | undefined>;
  /** Instants at which a disclosure deadline ran out and there was no fix. */
  readonly breaches: (kind: 'real' | 'demonstration') => Promise<readonly Date[]>;
  readonly stops: () => Promise<readonly { readonly model: string | undefined; readonly askedAt: Date }[]>;
  readonly incidents: () => Promise<
    readonly { readonly model: string | undefined; readonly severity: string; readonly openedAt: Date }[]
  >;
}

export function createMeasure(sources: Sources) {
  return async (request: MeasureRequest): Promise<readonly Measurement[]> => {
    const { names } = request;
    const asks = (...any: string[]): boolean => any.some((name) => names.has(name));
    return [
      ...(asks('patch-rate', 'head-start-fixed-share', 'head-start-day', 'deadline-breaches')
        ? await fromCases(sources, request)
        : []),
      ...(asks('refusals', 'gate-errors') ? await fromJournal(sources, request) : []),
      ...(asks('stops') ? await fromStops(sources, request) : []),
      ...(asks('incidents', 'serious-incidents') ? await fromIncidents(sources, request) : []),
    ];
  };
}

async function fromCases(
  { findings, breaches }: Sources,
  { isDemonstration, now, since }: MeasureRequest,
): Promise<readonly Measurement[]> {
  const kind = isDemonstration ? 'demonstration' : 'real';
  const found = await findings(kind);
  // The compressed clock of demonstrations runs ahead of ours.
  const until = found && isDemonstration ? endOf(found, now) : now;
  const measured = found ? toMetrics(measureHeadStart(found, until), now, isDemonstration ? 'simulated' : 'real') : [];
  const breached = (await breaches(kind)).filter((at) => at >= since && at <= now).length;
  return [
    ...measured.map(({ name, value, source }) => ({ name, value, source })),
    { name: 'deadline-breaches', value: breached, source: `cases: since ${since.toISOString()}` },
  ];
}

/** Shares of nothing are not measured. */
async function fromJournal({ home }: Sources, { model, since }: MeasureRequest): Promise<readonly Measurement[]> {
  const { admitted, refused, settled, failed, journals } = await countCalls(home, model, since);
  const from = `${journals} journals since ${since.toISOString()}`;
  const asked = admitted + refused;
  const measured: Measurement[] = [];
  if (asked > 0)
    measured.push({ name: 'refusals', value: refused / asked, source: `${refused} of ${asked} in ${from}` });
  if (settled > 0)
    measured.push({ name: 'gate-errors', value: failed / settled, source: `${failed} of ${settled} in ${from}` });
  return measured;
}

async function fromStops({ stops }: Sources, { model, since, now }: MeasureRequest): Promise<readonly Measurement[]> {
  const set = (await stops()).filter(
    (each) => (each.model === undefined || each.model === model) && each.askedAt >= since && each.askedAt <= now,
  );
  return [{ name: 'stops', value: set.length, source: `stops since ${since.toISOString()}` }];
}

async function fromIncidents(
  { incidents }: Sources,
  { model, since, now }: MeasureRequest,
): Promise<readonly Measurement[]> {
  const own = (await incidents()).filter(
    (each) => each.model === model && each.openedAt >= since && each.openedAt <= now,
  );
  const serious = own.filter(({ severity }) => severity === 'serious' || severity === 'critical');
  const source = `incidents since ${since.toISOString()}`;
  return [
    { name: 'incidents', value: own.length, source },
    { name: 'serious-incidents', value: serious.length, source },
  ];
}
