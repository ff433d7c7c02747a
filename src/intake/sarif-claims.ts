/** Records of a SARIF log: one a result. */
import { JsonScanError } from '../formats/json-scan.ts';
import { readSarifHead, readSarifResults, SARIF_LIMITS, SARIF_VERSION, type SarifPiece } from '../formats/sarif.ts';
import type { SarifFinding } from '../formats/sarif-result.ts';
import { type Claim, clip, clipText, clipTitle, readSeverity } from './claim.ts';
import type { FileRefusal, Piece, Reading, Source } from './piece.ts';

export async function readSarif(source: Source): Promise<Reading | FileRefusal> {
  const head = await readHead(source);
  if ('reason' in head) return head;
  const unsupported = head.version === SARIF_VERSION ? undefined : unsupportedVersion(head.version ?? '', head.results);
  return {
    format: 'sarif',
    notes: [...new Set(head.external)].map((what) => `${what}, which were not given`),
    ...(unsupported && { refusal: unsupported }),
    pieces: (async function* () {
      for await (const piece of readSarifResults(source.read(), head.runs)) yield toPiece(piece, unsupported);
    })(),
  };
}

const unsupportedVersion = (version: string, results: number): FileRefusal => ({
  reason: 'unsupported-version',
  detail: `SARIF ${clip(version, 40)} with ${results} results; only ${SARIF_VERSION} is read. Convert it (sarif-multitool transform) and import that`,
});

async function readHead(source: Source) {
  try {
    const head = await readSarifHead(source.read());
    if (!('kind' in head)) return head;
    const reason: FileRefusal['reason'] = head.kind === 'too-large' ? 'file-too-large' : 'unreadable-file';
    return { reason, detail: head.reason };
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    return { reason: 'unreadable-file' as const, detail: error.message };
  }
}

function toPiece({ from, to, bytes, finding }: SarifPiece, unsupported: FileRefusal | undefined): Piece {
  const place = { from, to, bytes, claim: finding && toClaim(finding) };
  if (unsupported) return { ...place, rejection: unsupported };
  if (bytes === undefined) {
    const detail = `${to - from} bytes; the limit is ${SARIF_LIMITS.maxResultBytes} bytes`;
    return { ...place, rejection: { reason: 'record-too-large', detail } };
  }
  if (!finding) return { ...place, rejection: { reason: 'unreadable', detail: 'the result is no object in UTF-8' } };
  if (finding.dismissed !== undefined) {
    return { ...place, rejection: { reason: 'dismissed', detail: clip(finding.dismissed) ?? '' } };
  }
  return place;
}

function toClaim(finding: SarifFinding): Claim {
  const { message, rule, ruleText, score, level } = finding;
  const severity = readSeverity(score) ?? readSeverity(level);
  return {
    title: clipTitle(ruleText ?? firstLine(message) ?? rule ?? 'a result without rule and message'),
    text: clipText(message ?? ruleText ?? ''),
    tool: clip(finding.tool),
    toolVersion: clip(finding.toolVersion),
    rule: clip(rule),
    severity,
    cwes: finding.cwes,
    aliases: finding.aliases,
    project: clip(finding.repository),
    places: finding.places.map((place) => ({
      file: clip(place.uri),
      line: place.line,
      endLine: place.endLine,
      column: place.column,
      endColumn: place.endColumn,
      function: clip(place.logical),
      snippet: place.snippet,
    })),
    stack: finding.stack.map((frame) => clip(frame) ?? ''),
    fingerprints: finding.fingerprints,
    sourceId: clip(finding.guid),
    dismissed: clip(finding.dismissed),
  };
}

const firstLine = (text: string | undefined): string | undefined => text?.split('\n', 1)[0];
