/**
 * A report of a stranger put to the proof: the package that it names is searched as by `scan`, told nothing of the report.
 * A case that comes of it meets the record in intake, and is named with it.
 */
import type { Campaigns } from './campaign/index.ts';
import type { Intake } from './intake/index.ts';
import { ok, type Result, refuse } from './lib/result.ts';
import { chooseProfile } from './sandbox/index.ts';
import { readTargetText, toPurl } from './target/index.ts';

export type RecordScanRefusal =
  | { readonly kind: 'no-such-record'; readonly id: string }
  /** It names no package that can be searched; whoever asks may. */
  | { readonly kind: 'no-package'; readonly id: string };

export interface RecordScan {
  readonly campaign: string;
  readonly target: string;
}

export type ScanRecord = (id: string, asked?: string) => Promise<Result<RecordScan, RecordScanRefusal>>;

/** A campaign of one target, which running workers carry out. */
export function createRecordScans({
  intake,
  campaigns,
}: {
  readonly intake: Pick<Intake, 'find'>;
  readonly campaigns: Pick<Campaigns, 'begin'>;
}): ScanRecord {
  return async (id, asked) => {
    const record = await intake.find(id);
    if (!record) return refuse({ kind: 'no-such-record', id });
    const target = asked === undefined ? targetOf(record.claim) : toTarget(asked);
    if (target === undefined) return refuse({ kind: 'no-package', id });
    const file = { name: 'scan of a record', seed: 1, targets: [{ target, known: [] }] };
    const campaign = await campaigns.begin(file, { kind: 'real', sandboxProfile: chooseProfile() });
    return ok({ campaign, target });
  };
}

/** As a record names it: a package URL, or a name and a version as npm writes them. */
export function targetOf(claim: { readonly project?: string | undefined; readonly version?: string | undefined } = {}) {
  const { project, version } = claim;
  if (project === undefined) return undefined;
  const named = project.startsWith('pkg:') ? project : `pkg:npm/${project}`;
  const whole = toTarget(named);
  if (whole === undefined || nameOf(named)?.wanted !== null) return whole;
  // A name alone could be anything's; a version that npm could have makes it a package.
  if (version === undefined) return project.startsWith('pkg:') ? whole : undefined;
  const name = nameOf(named)?.name ?? '';
  return toTarget(toPurl(name, version));
}

function nameOf(text: string) {
  const read = readTargetText(text);
  return read.ok && read.value.kind === 'registry' ? read.value : undefined;
}

/** Published packages alone: for a path of this machine the operator vouches at the command line. */
const toTarget = (text: string): string | undefined => (nameOf(text) ? text : undefined);
