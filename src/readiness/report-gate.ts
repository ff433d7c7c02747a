/** What a report lacks before it may be sent to anybody. Each point has its reason; an empty list is a yes. Pure. */
import { LINE_WIDTH, PAGE_LINES, type ReportForm } from './report-text.ts';

/** What the machine found when it followed the report. */
export interface MachineCheck {
  /** Of the report it followed, without dates and links. */
  readonly digest: string;
  readonly at: Date;
  /** Why it could not be followed; null where it could. */
  readonly trouble: string | null;
  readonly reproduced: number;
  readonly of: number;
  readonly newest: {
    readonly version: string;
    readonly outcome: 'fires' | 'silent' | 'not-comparable';
  } | null;
  /** On HEAD of the project's repository; null where no mirror is named, absent in older words. */
  readonly head?: 'fires' | 'silent' | 'not-comparable' | null;
  /** SHA-256 of the project's own SECURITY.md in the package; null where it ships none. */
  readonly scopeFile: string | null;
}

/** A person's word for exactly this report. */
export interface SignOff {
  readonly digest: string;
  readonly by: string;
  readonly at: Date;
  readonly note: string;
  /** The project's scope file was read, and the flaw lies within it. */
  readonly scopeRead: boolean;
  /** Why the report goes without a patch; null where it has one. */
  readonly withoutPatch: string | null;
}

export interface GateFacts {
  readonly digest: string;
  readonly form: ReportForm;
  readonly hasPatch: boolean;
  readonly machine: MachineCheck | null;
  readonly signOff: SignOff | null;
  /** The policy asks for a person to have read every report. */
  readonly needsPerson: boolean;
  readonly now: Date;
}

/** A release may come any day: what was found at the newest one is believed for so long. */
const CHECK_VALID_MS = 24 * 3_600_000;
const RUNS = 3;

export function missingOf(facts: GateFacts): readonly string[] {
  return [...machineMissing(facts), ...formMissing(facts.form), ...personMissing(facts)];
}

function machineMissing({ machine, digest, now }: GateFacts): readonly string[] {
  if (!machine) return ['reproduced: the report was not followed by machine yet (`case check`)'];
  if (machine.digest !== digest) return ['reproduced: the report changed since it was followed (`case check` again)'];
  if (now.getTime() - machine.at.getTime() > CHECK_VALID_MS) {
    return ['not already fixed: the last look at the newest release is more than 24 h old (`case check` again)'];
  }
  if (machine.trouble !== null) return [`reproduced: the report cannot be followed: ${machine.trouble}`];
  const missing: string[] = [];
  if (machine.of < RUNS || machine.reproduced < machine.of) {
    missing.push(
      `reproduced: ${machine.reproduced} of ${machine.of} fresh sandboxes, from the text of the report alone`,
    );
  }
  if (!machine.newest) missing.push('not already fixed: the newest release could not be found');
  else if (machine.newest.outcome === 'silent') missing.push(`not already fixed: ${machine.newest.version} is silent`);
  else if (machine.newest.outcome === 'not-comparable') {
    missing.push(`not already fixed: it could not be run on the newest release ${machine.newest.version}`);
  }
  if (machine.head === 'silent') missing.push('not already fixed: HEAD of its repository is silent');
  return missing;
}

function formMissing(form: ReportForm): readonly string[] {
  const missing: string[] = [];
  if (form.findings !== 1) missing.push(`one finding: the report describes ${form.findings}`);
  if (form.pageLines > PAGE_LINES) missing.push(`one page: ${form.pageLines} lines, ${PAGE_LINES} are allowed`);
  if (form.widest > LINE_WIDTH)
    missing.push(`one page: a line of ${form.widest} characters, ${LINE_WIDTH} are allowed`);
  if (!form.isPlain) missing.push('plain text: there are characters in it that are not to be seen');
  if (!form.saysOrigin) missing.push('origin: it does not say that it was found by machine');
  return missing;
}

function personMissing({ signOff, digest, hasPatch, machine, needsPerson }: GateFacts): readonly string[] {
  const word = signOff?.digest === digest ? signOff : null;
  const missing: string[] = [];
  if (!hasPatch && word?.withoutPatch == null) {
    missing.push(
      'patch: no verified candidate patch is with it, and nobody said why (`case sign-off --without-patch`)',
    );
  }
  if (machine?.scopeFile && !word?.scopeRead) {
    missing.push(
      'scope: the package ships a SECURITY.md that nobody has read for this flaw (`case sign-off --scope-read`)',
    );
  }
  if (needsPerson && !word) {
    missing.push(
      signOff
        ? 'sign-off: the report changed since a person signed it off'
        : 'sign-off: the policy asks for a person who read it (`case sign-off`)',
    );
  }
  return missing;
}
