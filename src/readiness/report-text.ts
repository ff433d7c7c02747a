/**
 * A report as its reader has it: text, and nothing else. What the machine then runs is taken from here alone, so that a
 * report which cannot be followed by hand is not sent.
 */
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface FollowedReport {
  /** `pkg:npm/…@version` */
  readonly target: string;
  readonly flaw: FlawClass;
  readonly reproducer: { readonly file: ReproducerFile; readonly text: string; readonly sha256: string };
}

type ReproducerFile = 'reproduce.cjs' | 'reproduce.mjs';

/** Lines of the page before reproducer and patch, and characters of a line: what fits on one sheet and in any mail. */
export const PAGE_LINES = 60;
export const LINE_WIDTH = 120;

/** What a reader would do: install this, save that, run it. */
export function followReport(text: string): Result<FollowedReport, string> {
  const [, name, version] = /^ {2}npm install --ignore-scripts (\S+)@([^@\s]+)$/m.exec(text) ?? [];
  if (!name || !version) return refuse('it does not say what to install');
  const file = /^ {2}node (reproduce\.[cm]js) /m.exec(text)?.[1] as ReproducerFile | undefined;
  if (!file) return refuse('it does not say what to run');
  const script = sectionOf(text, file);
  if (script === undefined) return refuse(`it does not hold ${file}`);
  const said = /SHA-256\s+([0-9a-f]{64})/.exec(text)?.[1];
  // A mail does not tell whether the last line had an end.
  const found = [script, `${script}\n`].find((each) => sha256Hex(each) === said);
  if (!said || found === undefined) return refuse('the reproducer in it is not the one whose SHA-256 it names');
  const cwe = /\((CWE-\d+)\) in /.exec(text)?.[1];
  const flaw = (Object.keys(FLAW_CLASSES) as FlawClass[]).find((each) => FLAW_CLASSES[each].cwe === cwe);
  if (!flaw) return refuse('it does not say what the flaw is');
  const target = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return ok({ target, flaw, reproducer: { file, text: found, sha256: said } });
}

function sectionOf(text: string, file: string): string | undefined {
  const start = `\n---- ${file} ----\n`;
  const from = text.indexOf(start);
  const to = text.lastIndexOf(`\n---- end of ${file} ----`);
  return from < 0 || to < from + start.length ? undefined : text.slice(from + start.length, to);
}

export interface ReportForm {
  readonly pageLines: number;
  readonly widest: number;
  /** Of flaws described. */
  readonly findings: number;
  readonly saysOrigin: boolean;
  /** No markup, no control characters but line ends. */
  readonly isPlain: boolean;
}

export function formOf(text: string): ReportForm {
  const file = /^ {2}node ([\w.-]+) /m.exec(text)?.[1];
  const page = (file === undefined ? text : (text.split(`\n---- ${file} ----\n`)[0] ?? text)).trimEnd();
  const lines = page.split('\n');
  return {
    pageLines: lines.length,
    widest: Math.max(...lines.map((line) => line.length)),
    findings: page.match(/\(CWE-\d+\) in /g)?.length ?? 0,
    saysOrigin: /^Origin: found and reproduced by an automated search/m.test(page),
    isPlain: !/[\p{Cc}\p{Cf}]/u.test(page.replaceAll('\n', '')),
  };
}
