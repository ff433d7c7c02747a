/**
 * A second calculator of clocks, written from the facts alone and sharing nothing with the first: rules as plain code, dates
 * as civil day numbers, time zones as a table of their transitions, found once by looking at every hour.
 */
export interface Happening {
  readonly kind: 'incident' | 'finding' | 'deployment';
  readonly timeZone: string;
  readonly awareAt: string;
  readonly occurredAt: string | null;
  readonly resolvedAt: string | null;
  readonly facts: { readonly [name: string]: boolean | number | string | null };
}

/** `clause due`, sorted. */
export function expectedClocks(record: Happening, zone: Zone): string[] {
  const { kind, awareAt, occurredAt, resolvedAt, facts } = record;
  const out: string[] = [];
  const put = (clause: string, due: number) => out.push(`${clause} ${new Date(due).toISOString()}`);
  const at = (text: unknown): number => Date.parse(String(text));
  const aware = at(awareAt);
  const days = (from: number, count: number) => zone.later(from, 0, count);
  const months = (from: number, count: number) => zone.later(from, count, 0);
  const hours = (from: number, count: number) => from + count * 3_600_000;
  if (kind === 'incident') {
    if (facts.criticalInfrastructure) put('eu-gpai-code/critical-infrastructure', days(aware, 2));
    if (facts.cyberBreach) put('eu-gpai-code/cyber-breach', days(aware, 5));
    if (facts.weightsExfiltrated) put('eu-gpai-code/weights', days(aware, 5));
    if (Number(facts.deaths) > 0) put('eu-gpai-code/death', days(aware, 10));
    if (!facts.seriousHarmExcluded) put('eu-gpai-code/serious-harm', days(aware, 15));
    if (resolvedAt === null)
      put('eu-gpai-code/further-report', days(facts.initialReportAt ? at(facts.initialReportAt) : aware, 28));
    else put('eu-gpai-code/final-report', days(at(resolvedAt), 60));
    put('california-sb53/critical-incident', days(aware, 15));
    put('new-york-raise/incident', hours(aware, 72));
    if (facts.imminentRisk) {
      put('california-sb53/imminent', hours(aware, 24));
      put('new-york-raise/imminent', hours(aware, 24));
    }
    if (facts.cyberBreach) {
      put('eu-cra/incident-early-warning', hours(aware, 24));
      put('eu-cra/incident-notification', hours(aware, 72));
      put('eu-cra/incident-final', months(hours(aware, 72), 1));
    }
  }
  if (kind === 'incident' || kind === 'deployment') {
    if (facts.riskDeterminedAt) put('anthropic-rsp/offcycle-internal', days(at(facts.riskDeterminedAt), 30));
    if (facts.frameworkModifiedAt) put('california-sb53/modified-framework', days(at(facts.frameworkModifiedAt), 30));
  }
  if (kind === 'deployment') {
    const deployed = occurredAt === null ? aware : at(occurredAt);
    put('anthropic-rsp/offcycle-public', deployed);
    put('new-york-raise/records', months(deployed, 60));
    if (facts.lastRiskReportAt) {
      put('anthropic-rsp/rr-earliest', months(at(facts.lastRiskReportAt), 3));
      put('anthropic-rsp/rr-latest', months(at(facts.lastRiskReportAt), 6));
    }
    if (facts.coverageDate) put('anthropic-rsp/rr-publication', days(at(facts.coverageDate), 30));
    if (facts.highlyCapable && facts.significantlyRedacted) {
      if (facts.submittedToBoardAt) put('anthropic-rsp/review-shared', days(at(facts.submittedToBoardAt), 7));
      if (facts.reviewReceivedAt) put('anthropic-rsp/review-commentary', days(at(facts.reviewReceivedAt), 30));
    }
    if (facts.lastReviewAt) {
      for (const clause of [
        'openai-preparedness/review',
        'eu-gpai-code/framework-assessment',
        'california-sb53/framework-review',
      ])
        put(clause, months(at(facts.lastReviewAt), 12));
    }
    if (facts.lastAccessCheckAt) put('eu-gpai-code/access-check', months(at(facts.lastAccessCheckAt), 6));
    if (facts.lastSummaryAt) {
      put('california-sb53/internal-use-summary', months(at(facts.lastSummaryAt), 3));
      put('new-york-raise/internal-use-summary', months(at(facts.lastSummaryAt), 3));
    }
    if (facts.lastStatementAt) put('new-york-raise/disclosure-statement', months(at(facts.lastStatementAt), 24));
  }
  if (kind === 'finding') putFinding(facts, { put, at, days, hours, aware });
  return out.sort();
}

interface Tools {
  readonly put: (clause: string, due: number) => unknown;
  readonly at: (text: unknown) => number;
  readonly days: (from: number, count: number) => number;
  readonly hours: (from: number, count: number) => number;
  readonly aware: number;
}

function putFinding(facts: Happening['facts'], { put, at, days, hours, aware }: Tools): void {
  const patched = facts.patchAvailableAt ? at(facts.patchAvailableAt) : undefined;
  if (facts.activelyExploited) {
    put('eu-cra/early-warning', hours(aware, 24));
    put('eu-cra/notification', hours(aware, 72));
    if (patched !== undefined) put('eu-cra/final', days(patched, 14));
  }
  if (patched !== undefined) {
    put('anthropic-cvd/details', days(patched, 45));
    put('disclosure-norms/linux-kernel', days(patched, 7));
  }
  if (!facts.reportedAt) return;
  const reported = at(facts.reportedAt);
  const ninety = days(reported, 90);
  put('anthropic-cvd/disclosure', patched !== undefined && patched < ninety ? patched : ninety);
  if (facts.activelyExploited) put('anthropic-cvd/exploited', days(aware, 7));
  if (!facts.acknowledged) put('anthropic-cvd/silence', days(reported, 30));
  put('disclosure-norms/project-zero', ninety);
  put('disclosure-norms/project-zero-notice', days(reported, 7));
  if (patched !== undefined) put('disclosure-norms/project-zero-adoption', days(patched, 30));
  put('disclosure-norms/cert-cc', days(reported, 45));
  put('disclosure-norms/linux-distros', days(facts.firstPostAt ? at(facts.firstPostAt) : reported, 14));
}

export interface Zone {
  /** Months, then days later on the calendar, at the same time of day. */
  later(from: number, months: number, days: number): number;
}

interface Span {
  readonly from: number;
  /** Of the wall against UTC, in this span. */
  readonly ahead: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** From 2024 to 2034. */
export function openZone(timeZone: string): Zone {
  const wallClock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const aheadAt = (at: number): number => Date.parse(`${wallClock.format(at).replace(' ', 'T')}Z`) - at;
  const spans: Span[] = [{ from: Number.NEGATIVE_INFINITY, ahead: aheadAt(Date.UTC(2024, 0, 1)) }];
  for (let at = Date.UTC(2024, 0, 1); at < Date.UTC(2034, 0, 1); at += 6 * HOUR) {
    const last = spans.at(-1);
    if (!last || aheadAt(at) === last.ahead) continue;
    let [low, high] = [at - 6 * HOUR, at];
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (aheadAt(middle) === last.ahead) low = middle;
      else high = middle;
    }
    spans.push({ from: high, ahead: aheadAt(high) });
  }
  const spanOf = (at: number): Span => spans.findLast(({ from }) => from <= at) as Span;
  /** The first instant at which the wall shows this; where it never does, as if the clocks had not moved. */
  const atWall = (wall: number): number => {
    for (const [index, { from, ahead }] of spans.entries()) {
      const at = wall - ahead;
      const until = spans[index + 1]?.from ?? Number.POSITIVE_INFINITY;
      if (at >= from && at < until) return at;
      // Shown neither before nor after: the clocks jumped over it.
      if (at >= until && wall - (spans[index + 1]?.ahead ?? 0) < until) return at;
    }
    throw new Error('no such time');
  };
  return {
    later(from, months, days) {
      const wall = from + spanOf(from).ahead;
      const day = Math.floor(wall / DAY);
      const [year, month, date] = toCivil(day);
      const total = year * 12 + (month - 1) + months;
      const [newYear, newMonth] = [Math.floor(total / 12), (total % 12) + 1];
      const newDate = Math.min(date, lengthOf(newYear, newMonth));
      return atWall((fromCivil(newYear, newMonth, newDate) + days) * DAY + (wall - day * DAY));
    },
  };
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const lengthOf = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

/** Days since 1970-01-01, counted. */
function fromCivil(year: number, month: number, date: number): number {
  let days = date - 1;
  for (let each = 1970; each < year; each++) days += isLeap(each) ? 366 : 365;
  for (let each = 1; each < month; each++) days += lengthOf(year, each);
  return days;
}

function toCivil(days: number): [year: number, month: number, date: number] {
  let left = days;
  let year = 1970;
  while (left >= (isLeap(year) ? 366 : 365)) {
    left -= isLeap(year) ? 366 : 365;
    year += 1;
  }
  let month = 1;
  while (left >= lengthOf(year, month)) {
    left -= lengthOf(year, month);
    month += 1;
  }
  return [year, month, left + 1];
}
