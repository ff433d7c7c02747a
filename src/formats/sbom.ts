/**
 * A bill of materials as it came in (CycloneDX or SPDX, JSON) read into one form: what is delivered, its components as
 * package URLs, and which needs which. Everything is a stranger's text: what passes a limit, contradicts itself or is of
 * another form is refused with its place; a component that no package URL names is counted, never guessed.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import { readCycloneDx } from './cyclonedx-bom.ts';
import { JsonScanError, JsonScanner } from './json-scan.ts';
import { asObject } from './loose.ts';
import { BadSbom, type Sbom } from './sbom-builder.ts';
import { readSpdx2, readSpdx3 } from './spdx-bom.ts';

export interface SbomRefusal {
  readonly kind: 'bad-sbom';
  /** `byte 12`, `components[3].bom-ref`. */
  readonly place: string;
  readonly reason: string;
}

/** Bytes. */
export const MAX_SBOM_BYTES = 64 * 1024 ** 2;
const MAX_DEPTH = 64;
export function readSbom(bytes: Buffer): Result<Sbom, SbomRefusal> {
  try {
    return ok(read(bytes));
  } catch (error) {
    if (error instanceof BadSbom) return refuse({ kind: 'bad-sbom', place: error.place, reason: error.message });
    throw error;
  }
}

function read(bytes: Buffer): Sbom {
  if (bytes.length > MAX_SBOM_BYTES) throw new BadSbom('the file', `longer than ${MAX_SBOM_BYTES} bytes`);
  checkForm(bytes);
  const document = asObject(JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, '')));
  if (!document) throw new BadSbom('the file', 'a bill of materials is one JSON object');
  if (document.bomFormat !== undefined) return readCycloneDx(document);
  if (document.spdxVersion !== undefined) return readSpdx2(document);
  if (document['@graph'] !== undefined) return readSpdx3(document);
  throw new BadSbom('the file', 'neither CycloneDX (bomFormat) nor SPDX (spdxVersion, @graph)');
}

/** Strictly JSON, and no deeper than anybody nests: before anything of it is built in memory. */
function checkForm(bytes: Buffer): void {
  const scanner = new JsonScanner({ want: () => 'skip', maxDepth: MAX_DEPTH, maxTakenBytes: 0 });
  try {
    scanner.write(bytes);
    scanner.end();
  } catch (error) {
    if (error instanceof JsonScanError) throw new BadSbom(`byte ${error.at}`, error.message);
    throw error;
  }
}
