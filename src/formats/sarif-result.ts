/** One SARIF result, with what its run says about it written in. */
import { aliasesIn, asArray, asCount, asObject, asText, at, cwesIn, type Loose, textsOf } from './loose.ts';
import { logicalName, ruleOf, type SarifRule, type SarifRun } from './sarif-run.ts';

export interface SarifPlace {
  readonly uri: string | undefined;
  readonly line: number | undefined;
  readonly endLine: number | undefined;
  readonly column: number | undefined;
  readonly endColumn: number | undefined;
  /** Function, class or module. */
  readonly logical: string | undefined;
  readonly snippet: string | undefined;
}

export interface SarifFinding {
  readonly tool: string | undefined;
  readonly toolVersion: string | undefined;
  readonly rule: string | undefined;
  readonly ruleText: string | undefined;
  readonly message: string | undefined;
  readonly level: string;
  readonly score: string | undefined;
  readonly places: readonly SarifPlace[];
  /** Functions of the first call stack, innermost first. */
  readonly stack: readonly string[];
  readonly cwes: readonly string[];
  readonly aliases: readonly string[];
  readonly fingerprints: Readonly<Record<string, string>>;
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly repository: string | undefined;
  readonly guid: string | undefined;
  /** Why the log itself says that this is nothing to act on (sections 3.27.9, .23, .24). */
  readonly dismissed: string | undefined;
}

const MAX_PLACES = 100;
const MAX_FRAMES = 64;
const MAX_SNIPPET = 2_000;
const MAX_FINGERPRINTS = 32;

export function readResult(result: Loose, run: SarifRun): SarifFinding {
  const rule = ruleOf(run, result);
  const kind = asText(result.kind);
  const properties = asObject(result.properties);
  const message = messageOf(result.message, rule);
  const id = asText(result.ruleId) ?? asText(at(result, 'rule', 'id')) ?? rule?.id;
  const taxa = asArray(result.taxa).flatMap((taxon) =>
    /cwe/i.test(asText(at(taxon, 'toolComponent', 'name')) ?? '') ? [`CWE-${asText(at(taxon, 'id')) ?? ''}`] : [],
  );
  const own = [...textsOf(properties?.tags), ...textsOf(properties?.cwe), ...taxa, id ?? ''];
  return {
    tool: run.driver.name,
    toolVersion: run.driver.version,
    rule: id,
    ruleText: rule?.text,
    message,
    level: asText(result.level) ?? (kind === undefined || kind === 'fail' ? (rule?.level ?? 'warning') : 'none'),
    score: textsOf(properties?.['security-severity'])[0] ?? rule?.score,
    places: asArray(result.locations)
      .slice(0, MAX_PLACES)
      .map((each) => toPlace(each, run)),
    stack: stackOf(result, run),
    cwes: [...new Set([...cwesIn(own), ...(rule?.cwes ?? [])])],
    aliases: aliasesIn([id ?? '', message ?? '', ...own, ...(rule?.tags ?? [])]),
    fingerprints: flatten(result.fingerprints),
    partialFingerprints: flatten(result.partialFingerprints),
    repository: run.repository,
    guid: asText(result.guid),
    dismissed: dismissedBy(result, kind),
  };
}

const NOT_FAILED: ReadonlySet<string | undefined> = new Set(['pass', 'notApplicable', 'informational']);

function dismissedBy(result: Loose, kind: string | undefined): string | undefined {
  if (NOT_FAILED.has(kind)) return `kind ${kind}`;
  if (result.baselineState === 'absent') return 'baselineState absent';
  const suppression = asArray(result.suppressions).find((each) => {
    const status = asText(at(each, 'status')) ?? asText(at(each, 'state'));
    return asObject(each) !== undefined && (status === undefined || status === 'accepted');
  });
  return suppression === undefined ? undefined : `suppressed (${asText(at(suppression, 'kind')) ?? 'without a kind'})`;
}

/** Section 3.11: the text itself, or a message of the rule with its placeholders filled. */
function messageOf(value: unknown, rule: SarifRule | undefined): string | undefined {
  const text =
    asText(at(value, 'text')) ?? asText(at(value, 'markdown')) ?? rule?.messages[asText(at(value, 'id')) ?? ''];
  const values = textsOf(at(value, 'arguments'));
  return text?.replace(/\{(\d{1,3})\}/g, (whole, number) => values[Number(number)] ?? whole);
}

function toPlace(location: unknown, run: SarifRun): SarifPlace {
  const physical = at(location, 'physicalLocation');
  const artifact = asObject(at(physical, 'artifactLocation'));
  const region = asObject(at(physical, 'region'));
  const index = asCount(artifact?.index);
  const logical = asObject(asArray(at(location, 'logicalLocations'))[0]) ?? asObject(at(location, 'logicalLocation'));
  const logicalIndex = asCount(logical?.index);
  return {
    uri: asText(artifact?.uri) ?? (index === undefined ? undefined : run.artifacts[index]),
    line: asCount(region?.startLine),
    endLine: asCount(region?.endLine),
    column: asCount(region?.startColumn) ?? asCount(region?.charOffset) ?? asCount(region?.byteOffset),
    endColumn: asCount(region?.endColumn),
    logical: logicalName(logical) ?? (logicalIndex === undefined ? undefined : run.logical[logicalIndex]),
    snippet: asText(at(region, 'snippet', 'text'))?.slice(0, MAX_SNIPPET),
  };
}

function stackOf(result: Loose, run: SarifRun): string[] {
  const frames = asArray(at(asArray(result.stacks)[0], 'frames')).slice(0, MAX_FRAMES);
  return frames.flatMap((frame) => {
    const { logical, uri, line } = toPlace(at(frame, 'location'), run);
    const name = logical ?? (uri === undefined ? undefined : `${uri}:${line ?? 0}`);
    return name === undefined ? [] : [name];
  });
}

/** The specification has texts; tools nest objects. A name is then the way to the text. */
function flatten(value: unknown, prefix = '', into: Record<string, string> = {}): Readonly<Record<string, string>> {
  for (const [name, member] of Object.entries(asObject(value) ?? {})) {
    if (Object.keys(into).length >= MAX_FINGERPRINTS) break;
    if (typeof member === 'string') into[`${prefix}${name}`] = member;
    else flatten(member, `${prefix}${name}/`, into);
  }
  return into;
}
