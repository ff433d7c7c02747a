/**
 * A claim out of named fields, as tables, JSON exports and headed paragraphs have them: every tool spells the same few
 * nouns in its own way. What no noun fits stays in the original bytes.
 */
import { aliasesIn, asObject, cwesIn } from '../formats/loose.ts';
import { type Claim, type ClaimPlace, clip, clipText, clipTitle, readSeverity } from './claim.ts';

/** Names in lower case, letters and digits only. */
export type FieldBag = ReadonlyMap<string, string>;

const NAMES = {
  title: ['title', 'name', 'summary', 'headline', 'vulnerability', 'vulnerabilityname', 'finding', 'issue', 'subject'],
  text: [
    ...['description', 'details', 'detail', 'message', 'body', 'vulnerabilityinformation', 'text', 'report', 'content'],
    ...['explanation', 'evidence', 'steps', 'extrainfo', 'impact'],
  ],
  severity: ['severity', 'severityrating', 'risk', 'priority', 'criticality', 'level', 'rating', 'issueseverity'],
  score: ['cvssscore', 'cvss3score', 'cvssbasescore', 'basescore', 'score', 'cvss'],
  vector: ['cvssvector', 'cvssvectorstring', 'vectorstring', 'vector', 'cvss'],
  cwe: ['cwe', 'cweid', 'cwes', 'cweids', 'weakness', 'weaknessid', 'externalid'],
  file: ['file', 'filepath', 'filename', 'path', 'sourcefile', 'location', 'uri', 'artifact', 'url', 'endpoint'],
  line: ['line', 'linenumber', 'startline', 'lineno', 'linestart', 'beginline'],
  endLine: ['endline', 'lineend'],
  column: ['column', 'startcolumn', 'col', 'startcol'],
  function: ['function', 'functionname', 'method', 'symbol', 'sink'],
  project: [
    'project',
    'package',
    'packagename',
    'purl',
    'repository',
    'repo',
    'product',
    'component',
    'library',
    'asset',
  ],
  version: ['version', 'packageversion', 'componentversion', 'affectedversion', 'installedversion'],
  rule: ['rule', 'ruleid', 'rulename', 'checkid', 'check', 'testid', 'vrtid', 'plugin', 'pluginid'],
  tool: ['tool', 'toolname', 'scanner', 'engine', 'foundby', 'scantool'],
  toolVersion: ['toolversion', 'scannerversion'],
  sourceId: ['id', 'uuid', 'guid', 'reportid', 'findingid', 'uniqueid', 'key', 'messageid'],
  reporter: ['reporter', 'author', 'researcher', 'submittedby', 'reportedby', 'finder'],
  reportedAt: ['reportedat', 'createdat', 'submittedat', 'date', 'reported', 'discovered', 'created', 'timestamp'],
  stack: ['stack', 'stacktrace', 'crashstate', 'frames', 'backtrace', 'callstack'],
  crash: ['crashtype', 'crash', 'exception', 'errortype'],
  fingerprint: ['fingerprint', 'hash', 'dedupekey', 'signature'],
  state: ['state', 'status', 'resolution', 'disposition', 'analysisstate'],
  sanitizer: ['sanitizer'],
  fuzzTarget: ['fuzztarget', 'harness', 'fuzzer'],
  regressedAfter: ['regressedafter'],
  regressedBy: ['regressedby'],
  snippet: ['snippet', 'code', 'lines', 'codesnippet'],
} as const;

type Noun = keyof typeof NAMES;

/** Words of a source for reports that it closed as none. */
const CLOSED =
  /^(?:false[ -_]?positive|fp|not[ -_]?applicable|n\/?a|not[ -_]?a[ -_]?bug|spam|informative|duplicate|dup|suppressed|rejected|invalid|out[ -_]?of[ -_]?scope|not[ -_]?reproducible)$/i;

const MAX_FRAMES = 64;
const MAX_LEVELS = 4;
const MAX_FIELDS = 400;
const MAX_LIST = 50;

export const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Members of an object and of those within it: under their own name and under the names that lead to them; the outer first. */
export function toBag(value: unknown): FieldBag {
  const bag = new Map<string, string>();
  let level: { readonly names: readonly string[]; readonly value: unknown }[] = [{ names: [], value }];
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth += 1) {
    const next: typeof level = [];
    for (const { names, value: holder } of level) {
      for (const [name, member] of Object.entries(asObject(holder) ?? {})) {
        const path = [...names, plainName(name)];
        const text = textOf(member);
        if (text === undefined) next.push({ names: path, value: member });
        else for (const key of [path.join(''), path.at(-1) ?? '']) addTo(bag, key, text);
      }
    }
    level = next;
  }
  return bag;
}

function addTo(bag: Map<string, string>, key: string, text: string): void {
  if (bag.size < MAX_FIELDS && !bag.has(key)) bag.set(key, text);
}

/** Of scalars and lists of them, one a line. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (!Array.isArray(value) || !value.every((each) => ['string', 'number'].includes(typeof each))) return undefined;
  return value.slice(0, MAX_LIST).join('\n');
}

/** Undefined where no field says what was found. */
export function claimOf(bag: FieldBag, more: Partial<Claim> = {}): Claim | undefined {
  const get = (noun: Noun): string | undefined => {
    for (const name of NAMES[noun]) {
      const text = bag.get(name)?.trim();
      if (text) return text;
    }
    return undefined;
  };
  const crash = get('crash');
  const stack = (get('stack') ?? '').split(/\r?\n/).flatMap((frame) => (frame.trim() ? [frame.trim()] : []));
  const title =
    get('title') ?? firstLine(get('text')) ?? (crash && [crash, stack[0]].filter(Boolean).join(' in ')) ?? get('rule');
  if (title === undefined) return undefined;
  const text = get('text') ?? '';
  const vector = /CVSS:\d\.\d\/[A-Za-z:/]+|^AV:[NALP][A-Za-z:/]+/.exec(get('vector') ?? text)?.[0];
  const state = get('state');
  const fingerprint = get('fingerprint');
  const place = placeOf(get);
  return {
    title: clipTitle(title),
    text: clipText(text),
    tool: clip(get('tool')),
    toolVersion: clip(get('toolVersion')),
    rule: clip(get('rule')),
    severity: readSeverity(get('severity')) ?? readSeverity(get('score')),
    cvss: clip(vector),
    cwes: [...new Set([...cwesIn(numbered(get('cwe'))), ...cwesIn([title, text])])],
    aliases: aliasesIn([
      title,
      text,
      ...['cve', 'cves', 'aliases', 'alias', 'ghsa'].map((name) => bag.get(name) ?? ''),
    ]),
    project: clip(get('project')),
    version: clip(get('version')),
    places: place ? [place] : [],
    stack: stack.slice(0, MAX_FRAMES).map((frame) => clip(frame) ?? ''),
    crash: clip(crash),
    fuzzing: fuzzingOf(get),
    fingerprints: fingerprint === undefined ? {} : { given: clip(fingerprint) ?? '' },
    sourceId: clip(get('sourceId')),
    reporter: clip(get('reporter')),
    reportedAt: clip(get('reportedAt')),
    dismissed: state !== undefined && CLOSED.test(state) ? `closed at its source: ${clip(state)}` : undefined,
    ...more,
  };
}

const firstLine = (text: string | undefined): string | undefined => text?.split('\n', 1)[0];

/** A field named for it may hold the bare number. */
const numbered = (text: string | undefined): string[] =>
  (text ?? '').split(/[\s,;]+/).map((word) => (/^\d{1,5}$/.test(word) ? `CWE-${word}` : word));

function placeOf(get: (noun: Noun) => string | undefined): ClaimPlace | undefined {
  const given = get('file');
  // `src/a.c:12:5`, but not the scheme of a URL nor the drive of a path.
  const split = /^(.+?):(\d{1,9})(?::(\d{1,9}))?$/.exec(given ?? '');
  const file = split?.[1] ?? given;
  const name = get('function');
  if (file === undefined && name === undefined) return undefined;
  return {
    file: clip(file),
    line: toNumber(get('line')) ?? toNumber(split?.[2]),
    endLine: toNumber(get('endLine')),
    column: toNumber(get('column')) ?? toNumber(split?.[3]),
    function: clip(name),
    snippet: clip(get('snippet')),
  };
}

function fuzzingOf(get: (noun: Noun) => string | undefined): Claim['fuzzing'] {
  const [sanitizer, target] = [clip(get('sanitizer')), clip(get('fuzzTarget'))];
  const [after, by] = [toSeconds(get('regressedAfter')), toSeconds(get('regressedBy'))];
  if ((sanitizer ?? target ?? after ?? by) === undefined) return undefined;
  return { sanitizer, target, regressedAfter: after, regressedBy: by };
}

const toSeconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,11}$/.test(text) ? Number(text) : undefined;

const toNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
