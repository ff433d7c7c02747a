/**
 * What is compared: one report of a flaw, from a fuzzer, a scanner or a person. Every field but the id may be missing,
 * and what is missing speaks neither for nor against a pair. Times are Unix seconds, UTC.
 */
export interface DuplicateRecord {
  readonly id: string;
  readonly project?: string | undefined;
  readonly engine?: string | undefined;
  readonly sanitizer?: string | undefined;
  readonly fuzzTarget?: string | undefined;
  /** As the sanitizer words it: `Heap-buffer-overflow READ 4`. */
  readonly crashType?: string | undefined;
  /** Innermost frame first. */
  readonly crashState?: readonly string[] | undefined;
  readonly severity?: string | undefined;
  readonly reported?: number | undefined;
  /** The flaw came in after this build and was there by that one. */
  readonly regressedAfter?: number | undefined;
  readonly regressedBy?: number | undefined;
  readonly title?: string | undefined;
  readonly text?: string | undefined;
  readonly cwe?: readonly string[] | undefined;
  readonly rule?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  /** The text of the line or call where the effect happens. */
  readonly sink?: string | undefined;
  /** Lines that a fix takes away or changes, as they stood before it. */
  readonly patchedLines?: readonly string[] | undefined;
}

/** Most frames and patched lines read of one record. */
const MAX_LINES = 64;

/** Longest text compared, characters. */
const MAX_TEXT = 20_000;

/** Reads one line of a list. What is there in another form than expected counts as missing; without an id it is no record. */
export function readDuplicateRecord(value: unknown): DuplicateRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { seen, ...outer } = value as Record<string, unknown>;
  const given = { ...(typeof seen === 'object' && seen !== null ? (seen as Record<string, unknown>) : {}), ...outer };
  const { id } = given;
  if (!(typeof id === 'string' && id.length > 0) && !Number.isFinite(id)) return undefined;
  const text = (name: string): string | undefined => {
    const found = given[name];
    return typeof found === 'string' && found !== '' ? found.slice(0, MAX_TEXT) : undefined;
  };
  const number = (name: string): number | undefined => {
    const found = given[name];
    return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
  };
  const list = (name: string): readonly string[] | undefined => {
    const found = given[name];
    const items = Array.isArray(found) ? found : typeof found === 'string' ? found.split('\n') : [];
    const lines = items.filter((item): item is string => typeof item === 'string' && item.trim() !== '');
    return lines.length > 0 ? lines.slice(0, MAX_LINES).map((line) => line.slice(0, MAX_TEXT)) : undefined;
  };
  return {
    id: String(id),
    project: text('project'),
    engine: text('engine'),
    sanitizer: text('sanitizer'),
    fuzzTarget: text('fuzzTarget'),
    crashType: text('crashType'),
    crashState: list('crashState'),
    severity: text('severity'),
    reported: number('reported'),
    regressedAfter: number('regressedAfter'),
    regressedBy: number('regressedBy'),
    title: text('title'),
    text: text('text'),
    cwe: list('cwe'),
    rule: text('rule'),
    file: text('file'),
    line: number('line'),
    sink: text('sink'),
    patchedLines: list('patchedLines'),
  };
}
