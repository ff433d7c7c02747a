/**
 * A finding of our own, written as the report that a stranger would send: it comes in by the same door, so that a report
 * from outside about the same flaw meets it there. What it takes to run the flaw stays with the case.
 */
import { type OpenedCase, packageOf, titleOf } from '../disclosure/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';

/** As reports name the tool that found something. */
const TOOL = 'headstart';

/** Its `id` is the case. */
export function toFindingReport({
  case: it,
  finding,
  learnt,
}: Pick<OpenedCase, 'case' | 'finding' | 'learnt'>): string {
  const { name, version } = packageOf(finding);
  const { sink, rootCause, severity } = finding;
  return canonicalJson({
    id: it.id,
    tool: TOOL,
    rule: finding.flaw,
    title: titleOf(finding),
    description: `${finding.oracle}\nReached by: ${finding.entry}`,
    package: name,
    version,
    cwe: FLAW_CLASSES[finding.flaw].cwe,
    aliases: [...learnt.knownAs],
    severity: severity.severity,
    cvssVector: severity.vector,
    fingerprint: sha256Hex(canonicalJson({ ...rootCause })),
    // Below the package, as who reports to its maintainers names it.
    ...(sink && { file: below(sink.file, name), line: sink.line }),
    ...(rootCause.functionName && { function: rootCause.functionName }),
    snippet: rootCause.statement,
  });
}

const below = (file: string, name: string): string =>
  file.startsWith(`${name}/`) ? file.slice(name.length + 1) : file;
