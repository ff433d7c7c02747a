/** The two feeds as their publishers write them: CISA's catalogue of exploited vulnerabilities (JSON), FIRST's EPSS (CSV). */
import { ok, type Result, refuse } from '../lib/result.ts';

export const FEED_KINDS = ['kev', 'epss'] as const;
export type FeedKind = (typeof FEED_KINDS)[number];

export interface KevEntry {
  readonly cve: string;
  /** Days, `YYYY-MM-DD`. */
  readonly added: string;
  readonly due: string | null;
  readonly ransomware: boolean;
}

export interface EpssEntry {
  readonly cve: string;
  /** That it is exploited within thirty days, 0 to 1. */
  readonly score: number;
  readonly percentile: number;
}

export type Feed = { readonly version: string; readonly releasedAt: Date } & (
  | { readonly kind: 'kev'; readonly entries: readonly KevEntry[] }
  | { readonly kind: 'epss'; readonly entries: readonly EpssEntry[] }
);

export interface FeedRefusal {
  readonly kind: 'bad-feed';
  readonly reason: string;
}

/** Most entries of a feed. */
const MAX_ENTRIES = 1_000_000;

const CVE = /^CVE-\d{4}-\d{4,19}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

const bad = (reason: string) => refuse({ kind: 'bad-feed', reason } as const);

/** A feed is taken whole or not at all: half of one would look as if the other half had been withdrawn. */
export function readFeed(kind: FeedKind, text: string): Result<Feed, FeedRefusal> {
  const read = kind === 'kev' ? readKev(text) : readEpss(text);
  if (!read.ok) return read;
  const { entries } = read.value;
  if (entries.length === 0) return bad('there is no entry in it');
  if (entries.length > MAX_ENTRIES) return bad(`more than ${MAX_ENTRIES} entries`);
  if (new Set(entries.map(({ cve }) => cve)).size < entries.length) return bad('one CVE stands in it twice');
  return read;
}

function readKev(text: string): Result<Feed, FeedRefusal> {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return bad('the catalogue is not JSON');
  }
  const { catalogVersion, dateReleased, count, vulnerabilities } = (document ?? {}) as Record<string, unknown>;
  if (typeof catalogVersion !== 'string' || typeof dateReleased !== 'string' || !Array.isArray(vulnerabilities)) {
    return bad('not a catalogue: catalogVersion, dateReleased or vulnerabilities is missing');
  }
  const releasedAt = new Date(dateReleased);
  if (Number.isNaN(releasedAt.getTime())) return bad(`${dateReleased.slice(0, 40)} is no time`);
  if (typeof count === 'number' && count !== vulnerabilities.length) {
    return bad(`it says ${count} entries and holds ${vulnerabilities.length}`);
  }
  const entries: KevEntry[] = [];
  for (const [at, each] of vulnerabilities.entries()) {
    const { cveID, dateAdded, dueDate, knownRansomwareCampaignUse } = (each ?? {}) as Record<string, unknown>;
    if (typeof cveID !== 'string' || !CVE.test(cveID)) return bad(`entry ${at + 1} has no CVE id`);
    if (typeof dateAdded !== 'string' || !DAY.test(dateAdded)) return bad(`${cveID} has no day of addition`);
    const due = typeof dueDate === 'string' && DAY.test(dueDate) ? dueDate : null;
    entries.push({ cve: cveID, added: dateAdded, due, ransomware: knownRansomwareCampaignUse === 'Known' });
  }
  return ok({ kind: 'kev', version: catalogVersion, releasedAt, entries });
}

function readEpss(text: string): Result<Feed, FeedRefusal> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const about = lines[0]?.startsWith('#') ? lines.shift() : undefined;
  const scored = /score_date:([^,\s]+)/.exec(about ?? '')?.[1];
  const model = /model_version:([^,\s]+)/.exec(about ?? '')?.[1] ?? 'unknown model';
  const releasedAt = new Date(scored ?? '');
  if (!scored || Number.isNaN(releasedAt.getTime())) return bad('the first line does not say score_date');
  const columns = lines.shift()?.split(',') ?? [];
  const [cveAt, scoreAt, percentileAt] = ['cve', 'epss', 'percentile'].map((name) => columns.indexOf(name));
  if (cveAt === -1 || scoreAt === -1 || percentileAt === -1) return bad('the columns are cve, epss and percentile');
  const entries: EpssEntry[] = [];
  for (const [at, line] of lines.entries()) {
    if (line === '') continue;
    const cells = line.split(',');
    const cve = cells[cveAt ?? 0] ?? '';
    const [score, percentile] = [
      Number(cells[scoreAt ?? 0] || Number.NaN),
      Number(cells[percentileAt ?? 0] || Number.NaN),
    ];
    const isShare = (value: number): boolean => value >= 0 && value <= 1;
    if (!CVE.test(cve) || !isShare(score) || !isShare(percentile)) return bad(`line ${at + 3} is no score`);
    entries.push({ cve, score, percentile });
  }
  return ok({ kind: 'epss', version: `${scored} ${model}`, releasedAt, entries });
}
