/** What the results of one SARIF run share, cut down to what reading a result needs. */
import { asArray, asCount, asObject, asText, at, cwesIn, type Loose, textsOf } from './loose.ts';

export interface SarifRule {
  readonly id: string | undefined;
  readonly text: string | undefined;
  readonly level: string | undefined;
  /** CVSS base score as GitHub's `security-severity` has it. */
  readonly score: string | undefined;
  readonly cwes: readonly string[];
  readonly tags: readonly string[];
  readonly messages: Readonly<Record<string, string>>;
}

export interface SarifTool {
  name?: string;
  version?: string;
  readonly rules: SarifRule[];
}

export interface SarifRun {
  readonly driver: SarifTool;
  readonly extensions: SarifTool[];
  readonly artifacts: (string | undefined)[];
  readonly logical: (string | undefined)[];
  repository?: string | undefined;
  revision?: string | undefined;
}

export const emptyRun = (): SarifRun => ({ driver: { rules: [] }, extensions: [], artifacts: [], logical: [] });

const MAX_TEXT = 2_000;
const MAX_TAGS = 50;

const cut = (text: string | undefined): string | undefined => text?.slice(0, MAX_TEXT);

/** Keeps one value of the run; returns what it says lies in other files. */
export function addToRun(
  run: SarifRun,
  [name, ...rest]: readonly (string | number)[],
  value: unknown,
): string | undefined {
  const index = Number(rest[0]);
  if (name === 'artifacts') run.artifacts[index] = cut(asText(at(value, 'location', 'uri')));
  else if (name === 'logicalLocations') run.logical[index] = cut(logicalName(asObject(value)));
  else if (name === 'versionControlProvenance') {
    run.repository ??= cut(asText(at(asArray(value)[0], 'repositoryUri')));
    run.revision ??= cut(asText(at(asArray(value)[0], 'revisionId')));
  } else if (name === 'externalPropertyFileReferences') {
    if (asArray(at(value, 'results')).length > 0) return 'results of a run lie in external property files';
  } else if (name === 'tool') addToTool(toolOf(run, rest), rest[0] === 'driver' ? rest.slice(1) : rest.slice(2), value);
  return undefined;
}

function toolOf(run: SarifRun, [part, index]: readonly (string | number)[]): SarifTool {
  if (part === 'driver') return run.driver;
  const number = Number(index);
  run.extensions[number] ??= { rules: [] };
  return run.extensions[number];
}

function addToTool(tool: SarifTool, [name, index]: readonly (string | number)[], value: unknown): void {
  const text = cut(asText(value));
  if (name === 'name' && text !== undefined) tool.name = text;
  else if (name === 'version' && text !== undefined) tool.version = text;
  else if (name === 'semanticVersion' && text !== undefined) tool.version ??= text;
  else if (name === 'rules') tool.rules[Number(index)] = toRule(asObject(value) ?? {});
}

export function logicalName(location: Loose | undefined): string | undefined {
  return asText(location?.fullyQualifiedName) ?? asText(location?.name) ?? asText(location?.decoratedName);
}

function toRule(rule: Loose): SarifRule {
  const properties = asObject(rule.properties);
  const tags = [...textsOf(properties?.tags), ...textsOf(properties?.cwe)];
  const id = cut(asText(rule.id));
  const related = asArray(rule.relationships).flatMap((each) => {
    const target = at(each, 'target');
    const cwe = /cwe/i.test(asText(at(target, 'toolComponent', 'name')) ?? '');
    const named = asText(at(target, 'id')) ?? '';
    return [cwe && /^\d+$/.test(named) ? `CWE-${named}` : named];
  });
  const messages: Record<string, string> = {};
  for (const [name, message] of Object.entries(asObject(rule.messageStrings) ?? {})) {
    const text = cut(asText(at(message, 'text')) ?? asText(at(message, 'markdown')));
    if (text !== undefined) messages[name] = text;
  }
  return {
    id,
    text: cut(
      asText(at(rule, 'shortDescription', 'text')) ?? asText(at(rule, 'fullDescription', 'text')) ?? asText(rule.name),
    ),
    level: asText(at(rule, 'defaultConfiguration', 'level')),
    score: textsOf(properties?.['security-severity'])[0],
    cwes: cwesIn([...tags, ...related, id ?? '']),
    tags: tags.slice(0, MAX_TAGS).map((tag) => tag.slice(0, MAX_TEXT)),
    messages,
  };
}

/** The rule of a result: by index where it has one (in a tool extension, perhaps), else by name; `A/b` is a kind of `A`. */
export function ruleOf(run: SarifRun, result: Loose): SarifRule | undefined {
  const reference = asObject(result.rule);
  const component = asCount(at(reference, 'toolComponent', 'index'));
  const tool = component === undefined ? run.driver : run.extensions[component];
  const index = asCount(result.ruleIndex) ?? asCount(reference?.index);
  if (index !== undefined && tool?.rules[index]) return tool.rules[index];
  const id = asText(result.ruleId) ?? asText(reference?.id);
  if (id === undefined) return undefined;
  for (const each of [run.driver, ...run.extensions]) {
    const names = namesOf(each?.rules ?? []);
    const found = names.get(id) ?? names.get(id.slice(0, Math.max(0, id.lastIndexOf('/'))));
    if (found) return found;
  }
  return undefined;
}

/** By name; made once a tool, when its first result is read. */
const named = new WeakMap<readonly SarifRule[], ReadonlyMap<string | undefined, SarifRule>>();

function namesOf(rules: readonly SarifRule[]): ReadonlyMap<string | undefined, SarifRule> {
  const known = named.get(rules);
  if (known) return known;
  const made = new Map(rules.flatMap((rule) => (rule ? [[rule.id, rule] as const] : [])).reverse());
  named.set(rules, made);
  return made;
}
