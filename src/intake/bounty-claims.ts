/** Reports as HackerOne and Bugcrowd export them over their APIs (JSON:API: a type, attributes, relationships). */
import { asObject, asText, at, cwesIn, type Loose, textsOf } from '../formats/loose.ts';
import { type Claim, clip, clipText, clipTitle, readSeverity } from './claim.ts';
import { claimOf, toBag } from './field-bag.ts';

/** Undefined where it is of neither. */
export function bountyClaim(value: unknown): Claim | undefined {
  const report = asObject(value);
  const attributes = asObject(report?.attributes);
  if (!report || !attributes) return undefined;
  if (report.type === 'report') return hackerOne(report, attributes);
  if (report.type === 'submission') return bugcrowd(report, attributes);
  return undefined;
}

/** States in which HackerOne's triage found nothing to act on. */
const CLOSED_AT_HACKERONE: ReadonlySet<unknown> = new Set(['not-applicable', 'informative', 'duplicate', 'spam']);

function hackerOne(report: Loose, attributes: Loose): Claim | undefined {
  const relationships = asObject(report.relationships);
  const of = (name: string): Loose | undefined => asObject(at(relationships, name, 'data', 'attributes'));
  const weakness = of('weakness');
  const severity = of('severity');
  const scope = of('structured_scope');
  const texts = [attributes.title, attributes.vulnerability_information, attributes.impact].map(asText);
  return claimOf(toBag({ title: attributes.title, description: texts.slice(1).filter(Boolean).join('\n\n') }), {
    tool: 'HackerOne',
    severity:
      readSeverity(asText(severity?.rating) ?? asText(attributes.severity_rating)) ??
      readSeverity(textsOf(severity?.score)[0]),
    cvss: clip(asText(severity?.cvss_vector_string)),
    cwes: cwesIn([
      asText(weakness?.external_id) ?? '',
      asText(weakness?.name) ?? '',
      ...texts.map((text) => text ?? ''),
    ]),
    aliases: textsOf(attributes.cve_ids).slice(0, MAX_ALIASES),
    project: clip(asText(scope?.asset_identifier) ?? asText(of('program')?.handle)),
    places: [],
    sourceId: `hackerone:${clip(textsOf(report.id)[0]) ?? ''}`,
    reporter: clip(asText(of('reporter')?.username)),
    reportedAt: clip(asText(attributes.submitted_at) ?? asText(attributes.created_at)),
    dismissed: CLOSED_AT_HACKERONE.has(attributes.state)
      ? `closed at its source: ${String(attributes.state)}`
      : undefined,
  });
}

const MAX_ALIASES = 50;
/** Bugcrowd's priorities, 1 is the highest. */
const PRIORITIES = ['P1', 'P2', 'P3', 'P4', 'P5'];
const CLOSED_AT_BUGCROWD: ReadonlySet<unknown> = new Set([
  ...['not_applicable', 'not-applicable', 'out_of_scope', 'out-of-scope', 'not_reproducible', 'not-reproducible'],
]);

function bugcrowd(report: Loose, attributes: Loose): Claim {
  const target = at(report.relationships, 'target', 'data');
  const text = [attributes.description, attributes.extra_info, attributes.http_request].map(asText).filter(Boolean);
  const isDuplicate = attributes.duplicate === true;
  const isClosed = isDuplicate || CLOSED_AT_BUGCROWD.has(attributes.state);
  return {
    title: clipTitle(asText(attributes.title) ?? ''),
    text: clipText(text.join('\n\n')),
    tool: 'Bugcrowd',
    rule: clip(asText(attributes.vrt_id)),
    severity: readSeverity(PRIORITIES[Number(attributes.severity) - 1]),
    cvss: clip(asText(attributes.cvss_vector) ?? asText(attributes.cvss_string)),
    cwes: cwesIn([...textsOf(attributes.cwe), ...text.map((each) => each ?? '')]),
    aliases: [],
    project: clip(asText(at(target, 'attributes', 'name')) ?? asText(at(target, 'name')) ?? asText(at(target, 'id'))),
    places: asText(attributes.bug_url) === undefined ? [] : [{ file: clip(asText(attributes.bug_url)) }],
    stack: [],
    fingerprints: {},
    sourceId: `bugcrowd:${clip(textsOf(report.id)[0]) ?? ''}`,
    reportedAt: clip(asText(attributes.submitted_at)),
    dismissed: isClosed ? `closed at its source: ${isDuplicate ? 'duplicate' : String(attributes.state)}` : undefined,
  };
}
