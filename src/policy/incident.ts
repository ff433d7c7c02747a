/** One record of something that happened, from which all clocks are computed: an incident, a finding or a deployment. */
import type { Json } from '../lib/canonical-json.ts';
import { fromLocal, isTimeZone } from '../lib/local-time.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { CLOCK_KINDS, type ClockKind } from './framework.ts';

export interface IncidentRecord {
  readonly kind: ClockKind;
  readonly timeZone: string;
  /** What is so, by name: whether, how many. */
  readonly facts: ReadonlyMap<string, boolean | number>;
  /** What happened when, by name. */
  readonly instants: ReadonlyMap<string, Date>;
}

export interface IncidentRefusal {
  readonly kind: 'malformed-incident';
  readonly place: string;
  readonly why: string;
}

type Loose = { readonly [name: string]: Json };

const INSTANTS = ['awareAt', 'occurredAt', 'resolvedAt'];
const FLAGS = [
  'imminentRisk',
  'criticalInfrastructure',
  'cyberBreach',
  'weightsExfiltrated',
  'seriousHarmExcluded',
  'activelyExploited',
  'acknowledged',
  'highlyCapable',
  'significantlyRedacted',
];
const FACT_INSTANTS = [
  'patchAvailableAt',
  'reportedAt',
  'firstPostAt',
  'initialReportAt',
  'riskDeterminedAt',
  'submittedToBoardAt',
  'reviewReceivedAt',
  'frameworkModifiedAt',
  'lastRiskReportAt',
  'coverageDate',
  'lastReviewAt',
  'lastAccessCheckAt',
  'lastSummaryAt',
  'lastStatementAt',
];

class Unread extends Error {
  readonly place: string;

  constructor(place: string, why: string) {
    super(why);
    this.place = place;
  }
}

export function readIncident(value: Json): Result<IncidentRecord, IncidentRefusal> {
  try {
    return ok(read(value));
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return refuse({ kind: 'malformed-incident', place: error.place, why: error.message });
  }
}

function read(value: Json): IncidentRecord {
  if (!isObject(value)) throw new Unread('', 'it is not a JSON object');
  const known = ['kind', 'timeZone', 'facts', ...INSTANTS];
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Unread(`/${unknown}`, 'there is no such member');
  const kind = CLOCK_KINDS.find((each) => each === value.kind);
  if (!kind) throw new Unread('/kind', `it is ${CLOCK_KINDS.join(', ')}`);
  const { timeZone, facts: given = {} } = value;
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) throw new Unread('/timeZone', 'it is no time zone');
  if (!isObject(given)) throw new Unread('/facts', 'it is not an object');
  const instants = new Map<string, Date>();
  const facts = new Map<string, boolean | number>();
  for (const name of INSTANTS) putInstant(instants, name, value[name], timeZone, `/${name}`);
  for (const [name, fact] of Object.entries(given)) {
    const place = `/facts/${name}`;
    if (FACT_INSTANTS.includes(name)) putInstant(instants, name, fact, timeZone, place);
    else if (name === 'deaths') facts.set(name, toCount(fact, place));
    else if (FLAGS.includes(name)) facts.set(name, toFlag(fact, place));
    else throw new Unread(place, 'there is no such fact');
  }
  return { kind, timeZone, facts, instants };
}

function toCount(value: Json, place: string): number {
  if (value === null) return 0;
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new Unread(place, 'it is a whole number, zero or more');
  return Number(value);
}

function toFlag(value: Json, place: string): boolean {
  if (value !== null && typeof value !== 'boolean') throw new Unread(place, 'it is true or false');
  return value === true;
}

function putInstant(
  to: Map<string, Date>,
  name: string,
  value: Json | undefined,
  timeZone: string,
  place: string,
): void {
  if (value === undefined || value === null) return;
  const at = typeof value === 'string' ? toInstant(value, timeZone) : undefined;
  if (!at)
    throw new Unread(place, 'it is no instant: 2026-03-28T09:30:00+01:00, or without an offset in the time zone');
  to.set(name, at);
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Without an offset the wall clock of the zone is meant; a day alone means its beginning, from which a clock ends first. */
function toInstant(text: string, timeZone: string): Date | undefined {
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const [, day = '', hour = '0', minute = '0', second = '0', fraction = '0', offset] = match;
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (offset !== undefined) {
    const at = new Date(text);
    return Number.isNaN(at.getTime()) ? undefined : at;
  }
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return fromLocal(day, seconds * 1000 + Number(fraction.padEnd(3, '0')), timeZone);
}

const isObject = (value: Json): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
