/**
 * SARIF 2.1.0 (OASIS), as data of strangers: a log of any length is read twice as a stream, first what its runs share
 * (tools, rules, artifacts: they may stand after the results), then one result after the other, with the bytes it was
 * written in. Nothing a log names is opened: no URI, no external property file.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { type JsonPath, type JsonScanOptions, scanJson, type TakenJson, type Want } from './json-scan.ts';
import { readResult, type SarifFinding } from './sarif-result.ts';
import { addToRun, emptyRun, type SarifRun } from './sarif-run.ts';

export const SARIF_VERSION = '2.1.0';

export const SARIF_LIMITS = {
  /** Levels of objects and arrays. */
  maxDepth: 128,
  /** Of one result. */
  maxResultBytes: 4 * 1024 * 1024,
  /** Of one rule, artifact or other thing that results share. */
  maxSharedBytes: 1024 * 1024,
  /** Of everything that results share, as kept. */
  maxSharedTotalBytes: 64 * 1024 * 1024,
  maxRuns: 10_000,
} as const;

export interface SarifHead {
  /** As the log says it; undefined where it says none. */
  readonly version: string | undefined;
  readonly runs: readonly SarifRun[];
  readonly results: number;
  /** What the log says lies elsewhere: not read, and told. */
  readonly external: readonly string[];
}

export type SarifRefusal =
  | { readonly kind: 'not-sarif'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly reason: string };

export interface SarifPiece {
  readonly from: number;
  readonly to: number;
  /** Undefined where the result is longer than the limit. */
  readonly bytes: Buffer | undefined;
  /** Undefined where the bytes are no UTF-8 object of JSON. */
  readonly finding: SarifFinding | undefined;
}

/** Throws JsonScanError where the text is no JSON. */
export async function readSarifHead(chunks: AsyncIterable<Buffer>): Promise<SarifHead | SarifRefusal> {
  const head = { version: undefined as string | undefined, results: 0, external: [] as string[] };
  const runs: SarifRun[] = [];
  const seen = { runs: false, object: false, kept: 0 };
  const options: JsonScanOptions = {
    maxDepth: SARIF_LIMITS.maxDepth,
    maxTakenBytes: SARIF_LIMITS.maxSharedBytes,
    want(path, kind) {
      if (path.length === 0) seen.object = kind === 'object';
      if (path.length === 1 && path[0] === 'runs') seen.runs = kind === 'array';
      if (!isResult(path)) return wantedOfHead(path);
      head.results += 1;
      return 'skip';
    },
  };
  for await (const taken of scanJson(chunks, options)) {
    const [top, index] = taken.path;
    seen.kept += taken.bytes?.length ?? 0;
    const beyond = boundsPassed(taken, seen.kept);
    if (beyond) return { kind: 'too-large', reason: beyond };
    const value = parse(taken.bytes);
    if (top === 'version') head.version = typeof value === 'string' ? value : undefined;
    if (top !== 'runs' || typeof index !== 'number') continue;
    runs[index] ??= emptyRun();
    const named = addToRun(runs[index], taken.path.slice(2), value);
    if (named) head.external.push(named);
  }
  if (!seen.object) return { kind: 'not-sarif', reason: 'a SARIF log is a JSON object, and this is none' };
  if (head.version === undefined) return { kind: 'not-sarif', reason: 'it says no SARIF version' };
  if (head.version === SARIF_VERSION && !seen.runs) return { kind: 'not-sarif', reason: 'it has no array of runs' };
  return { ...head, runs: Array.from(runs, (run) => run ?? emptyRun()) };
}

/** Every result in the order of the file. Its runs are those of the head. */
export async function* readSarifResults(
  chunks: AsyncIterable<Buffer>,
  runs: readonly SarifRun[],
): AsyncGenerator<SarifPiece> {
  const options: JsonScanOptions = {
    maxDepth: SARIF_LIMITS.maxDepth,
    maxTakenBytes: SARIF_LIMITS.maxResultBytes,
    want: (path) => (isResult(path) ? 'take' : leadsToResults(path) ? 'enter' : 'skip'),
  };
  for await (const { path, from, to, bytes } of scanJson(chunks, options)) {
    const run = (path[0] === 'runs' ? runs[Number(path[1])] : undefined) ?? emptyRun();
    const value = parse(bytes);
    yield { from, to, bytes, finding: isObject(value) ? readResult(value, run) : undefined };
  }
}

const HOLDERS: ReadonlySet<unknown> = new Set(['runs', 'inlineExternalProperties']);

/** `runs[i].results[j]`, and results that external properties written into the same file hold. */
const isResult = (path: JsonPath): boolean => path.length === 4 && path[2] === 'results' && HOLDERS.has(path[0]);

const leadsToResults = (path: JsonPath): boolean =>
  path.length < 2 ? path.length === 0 || HOLDERS.has(path[0]) : path.length === 2 || path[2] === 'results';

const ONE_BY_ONE = /^(artifacts|logicalLocations)(\/\d+)?$|^tool(\/(driver|extensions(\/\d+)?))?(\/rules)?$/;
const WHOLE =
  /^(artifacts|logicalLocations)\/\d+$|^tool\/(driver|extensions\/\d+)\/(name|version|semanticVersion|rules\/\d+)$|^(originalUriBaseIds|versionControlProvenance|externalPropertyFileReferences)$/;

function wantedOfHead(path: JsonPath): Want {
  if (path.length <= 1)
    return path[0] === 'version' ? 'take' : path.length === 0 || HOLDERS.has(path[0]) ? 'enter' : 'skip';
  if (path.length === 2) return 'enter';
  if (path[2] === 'results') return 'enter';
  if (path[0] !== 'runs') return 'skip';
  const inRun = path.slice(2).join('/');
  if (WHOLE.test(inRun)) return 'take';
  return ONE_BY_ONE.test(inRun) ? 'enter' : 'skip';
}

function boundsPassed({ path, bytes }: TakenJson, kept: number): string | undefined {
  if (bytes === undefined) return `${path.join('/')} is longer than ${SARIF_LIMITS.maxSharedBytes} bytes`;
  if (kept > SARIF_LIMITS.maxSharedTotalBytes) {
    return `rules, artifacts and what else its results share are longer than ${SARIF_LIMITS.maxSharedTotalBytes} bytes`;
  }
  if (Number(path[1]) >= SARIF_LIMITS.maxRuns) return `it has more than ${SARIF_LIMITS.maxRuns} runs`;
  return undefined;
}

function parse(bytes: Buffer | undefined): unknown {
  const text = bytes && readUtf8(bytes);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
