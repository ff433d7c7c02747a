/**
 * The report a maintainer gets: plain text, one finding, at most one page before the reproducer, which follows inline.
 * No account, no attachment, no claim that the reader cannot run.
 */
import { rangesOf, rangeWords } from '../formats/advisory-record.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import type { CaseId, CaseKind } from './case.ts';
import type { ClockPolicy } from './clock-policy.ts';
import { type Learnt, oneLine, packageOf } from './finding.ts';
import { MAX_MITIGATION } from './mitigation.ts';

export interface ReportSource {
  readonly caseId: CaseId;
  readonly kind: CaseKind;
  readonly finding: ConfirmedFinding;
  readonly learnt: Learnt;
  readonly policy: ClockPolicy;
  /** Null while no deadline runs. */
  readonly dueAt: Date | null;
  /** Of the page on which the reader answers; undefined where there is none. */
  readonly link?: string | undefined;
  /** Sent together with related ones; undefined where it goes alone. */
  readonly series?: Series | undefined;
  /** Who answers, and where. */
  readonly contact: { readonly name: string; readonly address: string };
}

/** Its place among related reports that one patch series can mend. */
export interface Series {
  /** From 1. */
  readonly place: number;
  readonly of: number;
}

export interface Report {
  readonly subject: string;
  readonly text: string;
}

/** Of the page that stands before patch and reproducer; how long it may be is asked before it is sent (`readiness`). */
const LINE_WIDTH = 78;
/** A longer patch is offered instead of sent. */
const MAX_PATCH_LINES = 80;

export function renderReport(source: ReportSource): Report {
  const { finding, kind, caseId } = source;
  const named = packageOf(finding);
  const { title } = FLAW_CLASSES[finding.flaw];
  const mark = kind === 'demonstration' ? '[DEMONSTRATION] ' : '';
  const page = [
    ...(kind === 'demonstration'
      ? ['DEMONSTRATION: the recipient is simulated and this message is never sent.', '']
      : []),
    ...wrapped(`${title} (${FLAW_CLASSES[finding.flaw].cwe}) in ${named.name} ${named.version}`),
    '',
    ...wrapped(`Seen: ${oneLine(finding.oracle)}`),
    ...wrapped(`Reached by: ${oneLine(finding.entry)}`),
    ...(finding.sink ? wrapped(`At: ${finding.sink.file}:${finding.sink.line}`) : []),
    ...wrapped(affectedWords(source.learnt)),
    ...incompleteWords(source.learnt),
    ...seriesWords(source.series),
    ...wrapped(
      `Proposed severity: ${finding.severity.score.toFixed(1)} ${finding.severity.severity}, ${finding.severity.vector}. Yours replaces it.`,
    ),
    '',
    'To see it yourself, in an empty directory on a machine you can spare:',
    `  npm install --ignore-scripts ${named.name}@${named.version}`,
    `  node ${finding.reproducer.file}        (exit 0: the flaw showed; its effect is a harmless mark)`,
    ...wrapped(
      `It fired in ${finding.reproduction.reproduced} of ${finding.reproduction.of} fresh sandboxes and stayed silent without the package. SHA-256 ${finding.reproducer.sha256}`,
    ),
    '',
    ...clockWords(source),
    '',
    ...mitigationWords(source.learnt),
    ...wrapped(
      `Origin: found and reproduced by an automated search, by program; ${kind === 'demonstration' ? 'no person took part in this demonstration' : `a person of ${source.contact.name} confirmed it before it was sent and reads your answers`}.`,
    ),
    ...wrapped(`Answer to: ${source.contact.address}, naming ${caseId}. Tell us the pace and channel you prefer.`),
    ...(source.link ? ['Or here, without account or script:', `  ${source.link}`] : []),
    ...patchWords(source),
  ];
  return {
    subject: `${mark}Security: ${title.toLowerCase()} in ${named.name} ${named.version}, ${source.dueAt ? `private until ${source.dueAt.toISOString().slice(0, 10)}` : 'private'}`,
    text: [
      ...page,
      '',
      `---- ${finding.reproducer.file} ----`,
      finding.reproducer.text.trimEnd(),
      `---- end of ${finding.reproducer.file} ----`,
      ...patchLines(source.learnt),
      '',
    ].join('\n'),
  };
}

function affectedWords({ affected }: Learnt): string {
  if (!affected) return 'Affected: this version; others have not been measured.';
  const events = affected.events.map((event) =>
    'last_affected' in event ? { lastAffected: event.last_affected } : event,
  );
  const count = affected.measured.length;
  return `Affected, measured by running it on ${count} published versions: ${rangesOf(events).map(rangeWords).join('; ')}.`;
}

function incompleteWords({ incompleteFixOf = [] }: Learnt): string[] {
  if (incompleteFixOf.length === 0) return [];
  return wrapped(
    `The version was called fixed by ${oneLine(incompleteFixOf.join(', '))}: this may be what that fix left.`,
  );
}

function mitigationWords({ mitigation }: Learnt): string[] {
  return mitigation ? [...wrapped(`Until there is a fix: ${oneLine(mitigation, MAX_MITIGATION)}`), ''] : [];
}

function seriesWords(series: Series | undefined): string[] {
  if (!series) return [];
  return wrapped(
    `One of ${series.of} related reports that we send you together (this is number ${series.place}): one patch series may mend them. Each stands by itself.`,
  );
}

function clockWords({ policy, dueAt }: ReportSource): string[] {
  const extension = policy.extensionDays > 0 ? ` Ask, and it becomes ${policy.extensionDays} days more.` : '';
  if (!dueAt) return wrapped(`We keep this private without a deadline of ours (${policy.title})${openWords(policy)}`);
  return [
    ...wrapped(`We keep this private until ${dueAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`),
    ...wrapped(
      `(${policy.defaultDays} days after sending, ${policy.title}), or until a fix is released, if that is sooner.${extension} If it is exploited or becomes public, the private time ends at once.`,
    ),
  ];
}

function openWords({ origin, defaultDays }: ClockPolicy): string {
  return origin === 'fix-ready'
    ? `: it may be told ${defaultDays} days after your fix. If it is exploited or becomes public, the private time ends at once.`
    : ', until a fix is released or you agree. If it is exploited or becomes public, the private time ends at once.';
}

function patchWords({ learnt }: ReportSource): string[] {
  if (!learnt.patch) return ['', ...wrapped('We have no candidate patch for you yet.')];
  const isShort = learnt.patch.split('\n').length <= MAX_PATCH_LINES;
  return [
    '',
    ...wrapped(
      `A candidate patch, made and checked by machine, ${isShort ? 'follows the reproducer' : 'is yours on request: it is too long for a letter'}. ${ownTestsWords(learnt)}`,
    ),
  ];
}

function ownTestsWords({ ownTests }: Learnt): string {
  if (!ownTests || ownTests.outcome === 'not-run') return 'Your own tests were not run with it.';
  return 'Your own tests are no worse with it than before.';
}

function patchLines({ patch }: Learnt): string[] {
  if (!patch || patch.split('\n').length > MAX_PATCH_LINES) return [];
  return ['', '---- candidate patch ----', patch.trimEnd(), '---- end of patch ----'];
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, line];
}
