/** A report of figures: canonical JSON for machines, the same in words for people, and what differs when it is counted again. */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { heading, paragraph, type Report, table, warning } from './document.ts';
import { type Figure, REPORT_KINDS, type ReportKind, type ReportScope, type Trace } from './record-figures.ts';

export interface RecordReport {
  readonly schema: 'headstart-record-report/1';
  readonly kind: ReportKind;
  readonly scope: ReportScope;
  readonly asOf: string;
  /** As it was verified; what came later does not count. */
  readonly log: { readonly origin: string; readonly size: number; readonly root: string };
  readonly figures: readonly Figure[];
}

const TITLES: Readonly<Record<ReportKind, string>> = { risk: 'Risk report', transparency: 'Transparency report' };

export function renderRecordReport({ kind, scope, asOf, log, figures }: RecordReport): Report {
  const about = scope.model ?? `${scope.from} to before ${scope.to}`;
  return {
    title: `${TITLES[kind]}: ${about}`,
    blocks: [
      ...(scope.demonstration ? [warning('DEMONSTRATION: it says nothing of a real model.')] : []),
      paragraph(
        `Counted as of ${asOf} from the records and from nothing else; nobody has typed in a figure, and nobody has weighed them.`,
      ),
      table(
        ['What', 'Value'],
        [
          ...(scope.modelDigest === null ? [] : [['Model', `${scope.model} (${scope.modelDigest})`]]),
          ['Log', `${log.origin}, ${log.size} entries, root ${log.root}`],
        ],
      ),
      heading('Figures'),
      table(
        ['Figure', 'Question', 'Value', 'Unit', 'Traced to'],
        figures.map(({ name, question, value, unit, trace }) => [name, question, String(value), unit, traceOf(trace)]),
      ),
      paragraph(
        'A trace names the entries of the log by their index; the file beside has each one’s leaf. Of what is unpublished it has only how many records there are, and their hash.',
      ),
    ],
  };
}

const SHOWN_ENTRIES = 12;

function traceOf({ in: where, count, sha256, entries = [] }: Trace): string {
  if (count === 0) return where === 'log' ? 'no entry of the log' : `no record of the ${where}`;
  if (where !== 'log') return `${where}: ${count}; sha256:${sha256}`;
  const shown = entries.slice(0, SHOWN_ENTRIES).map(({ index }) => index);
  const rest = count - shown.length;
  return `log: ${count === 1 ? 'entry' : 'entries'} ${[...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')}; sha256:${sha256}`;
}

export type MalformedReport = { readonly kind: 'malformed-report'; readonly place: string; readonly why: string };

/** Enough of its form to count it again; what is wrong with a figure shows then. */
export function readRecordReport(value: Json): Result<RecordReport, MalformedReport> {
  const wrong = (place: string, why: string) => refuse<MalformedReport>({ kind: 'malformed-report', place, why });
  if (!isObject(value) || value.schema !== 'headstart-record-report/1')
    return wrong('/schema', 'it is no headstart-record-report/1');
  if (!REPORT_KINDS.some((kind) => kind === value.kind)) return wrong('/kind', `there are ${REPORT_KINDS.join(', ')}`);
  if (!isInstant(value.asOf)) return wrong('/asOf', 'it is no instant');
  const { scope, log, figures } = value;
  if (!isObject(scope) || typeof scope.demonstration !== 'boolean') return wrong('/scope', 'it is no scope');
  const isOfModel = typeof scope.model === 'string' && scope.from === null && scope.to === null;
  const isOfTime = scope.model === null && isInstant(scope.from) && isInstant(scope.to);
  if (!isOfModel && !isOfTime) return wrong('/scope', 'it names a model, or from and to');
  if (!isObject(log) || !Number.isSafeInteger(log.size) || Number(log.size) < 0)
    return wrong('/log/size', 'it is no number of entries');
  if (!Array.isArray(figures)) return wrong('/figures', 'it is no list');
  const bad = figures.findIndex((each) => !isObject(each) || typeof each.name !== 'string');
  return bad < 0 ? ok(value as unknown as RecordReport) : wrong(`/figures/${bad}`, 'it has no name');
}

export interface Difference {
  readonly name: string;
  readonly said: number | null;
  readonly counted: number | null;
  /** The number is the same and what it is traced to is not. */
  readonly traceOnly: boolean;
}

/** Whatever of a figure is not as it is counted: its value, its trace, its words, that it is there at all, or twice. */
export function differingFigures(said: RecordReport, counted: RecordReport): readonly Difference[] {
  const names = new Set([...said.figures, ...counted.figures].map(({ name }) => name));
  return [...names].flatMap((name): Difference[] => {
    const [left, right] = [said, counted].map(({ figures }) => figures.filter((each) => each.name === name));
    if (canonicalJson(left as unknown as Json) === canonicalJson(right as unknown as Json)) return [];
    const [was = null, is = null] = [left?.[0]?.value, right?.[0]?.value];
    return [{ name, said: was, counted: is, traceOnly: was === is }];
  });
}

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isInstant = (value: Json | undefined): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));
