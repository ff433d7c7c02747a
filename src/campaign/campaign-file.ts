/**
 * The file a campaign is started from: its targets, and for each the public advisories by which a flaw in it is known.
 *
 * The scanner is given `target` and nothing else. The advisories serve afterwards: only a confirmed finding that one of
 * them names may be taken through simulated answers and compressed time; any other stays sealed under real clocks.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import { isFlawClass } from '../formats/flaw-class.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface KnownAdvisory {
  /** GHSA or CVE identifiers, the first is the one shown. */
  readonly ids: readonly string[];
  readonly flaw: FlawClass;
  /** First version the advisory lists as fixed, or null. */
  readonly fixedVersion: string | null;
}

export interface CampaignTarget {
  /** `pkg:npm/name@version`, or a path relative to the file for packages we wrote ourselves. */
  readonly target: string;
  readonly known: readonly KnownAdvisory[];
}

export interface CampaignFile {
  readonly name: string;
  readonly seed: number;
  readonly targets: readonly CampaignTarget[];
  /** No further target is started so many minutes after the campaign; what is left is reported as not covered. */
  readonly minutes?: number;
}

export interface CampaignFileRefusal {
  readonly kind: 'bad-campaign-file';
  readonly reason: string;
}

const MAX_TARGETS = 10_000;

/** Reads what `JSON.parse` gave. Names the first thing that is wrong. */
export function readCampaignFile(value: unknown): Result<CampaignFile, CampaignFileRefusal> {
  const wrong = (reason: string) => refuse({ kind: 'bad-campaign-file', reason } as const);
  if (!isRecord(value) || typeof value.name !== 'string') return wrong('it has no "name"');
  if (!Number.isSafeInteger(value.seed)) return wrong('"seed" is not a whole number');
  if (!Array.isArray(value.targets) || value.targets.length === 0) return wrong('"targets" is not a list');
  if (value.targets.length > MAX_TARGETS) return wrong(`more than ${MAX_TARGETS} targets`);
  const { minutes } = value;
  if (minutes !== undefined && !(Number.isSafeInteger(minutes) && Number(minutes) >= 0)) {
    return wrong('"minutes" is not a whole number');
  }
  const targets: CampaignTarget[] = [];
  for (const [position, entry] of value.targets.entries()) {
    if (!isRecord(entry) || typeof entry.target !== 'string') return wrong(`target ${position} has no "target"`);
    const known = readKnown(entry.known ?? []);
    if (!known) return wrong(`the "known" advisories of ${entry.target} lack ids, a class, or a fixed version or null`);
    const isOurs = entry.target.startsWith('pkg:npm/headstart-fixture-');
    if (!isOurs && known.some(({ ids }) => ids.some((id) => id.startsWith('HEADSTART-DEMO-')))) {
      return wrong(`${entry.target} is no fixture of ours: only a GHSA or CVE id makes its flaw known`);
    }
    targets.push({ target: entry.target, known });
  }
  const limit = minutes === undefined ? {} : { minutes: minutes as number };
  return ok({ name: value.name, seed: value.seed as number, targets, ...limit });
}

function readKnown(value: unknown): KnownAdvisory[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const known: KnownAdvisory[] = [];
  for (const entry of value) {
    if (!isRecord(entry) || !Array.isArray(entry.ids) || entry.ids.length === 0) return undefined;
    if (!entry.ids.every((id) => typeof id === 'string' && /^(GHSA|CVE|HEADSTART-DEMO)-/.test(id))) return undefined;
    if (typeof entry.class !== 'string' || !isFlawClass(entry.class)) return undefined;
    if (entry.fixedVersion !== null && typeof entry.fixedVersion !== 'string') return undefined;
    known.push({ ids: entry.ids, flaw: entry.class, fixedVersion: entry.fixedVersion });
  }
  return known;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The public advisory that names this finding, or undefined: then nothing about it is simulated or published. */
export function findKnownAdvisory(file: CampaignFile, target: string, flaw: FlawClass): KnownAdvisory | undefined {
  return file.targets.find((entry) => entry.target === target)?.known.find((advisory) => advisory.flaw === flaw);
}
