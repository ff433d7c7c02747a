/**
 * CSAF 2.0 documents of the profile "Security Advisory" (section 4.4). What the mandatory tests of section 6.1 demand
 * holds by construction; `csaf.test.ts` runs them over every shape of record.
 *
 * CSAF 2.0 has no place for a CVSS 4.0 score. The 4.0 vector stands in a note and in the aggregate severity; `cvss_v3`
 * holds the 3.1 vector derived from it by rule, and the note says so.
 */
import {
  type AdvisoryPublisher,
  type AdvisoryRecord,
  type AffectedRange,
  DEMONSTRATION_NOTICE,
  DRAFT_NOTICE,
  type JsonDocument,
  markedTitle,
  rangesOf,
  rangeWords,
} from './advisory-record.ts';
import { type CvssScore, scoreCvss, toCvss31 } from './cvss.ts';
import { cweName } from './cwe.ts';

interface Product {
  readonly id: string;
  readonly branch: JsonDocument;
}

export function toCsaf(record: AdvisoryRecord): JsonDocument {
  const ranges = rangesOf(record.affected.events);
  const affected = ranges.map((range, index) => rangeProduct(record, range, `affected-${index + 1}`));
  const fixed = ranges.flatMap(({ fixed: version }, index) =>
    version ? [versionProduct(record, version, `fixed-${index + 1}`)] : [],
  );
  return {
    document: toHead(record),
    product_tree: {
      branches: [
        {
          category: 'vendor',
          name: record.package.name.split('/')[0] ?? record.package.name,
          branches: [
            {
              category: 'product_name',
              name: record.package.name,
              branches: [...affected, ...fixed].map(({ branch }) => branch),
            },
          ],
        },
      ],
    },
    vulnerabilities: [
      toVulnerability(
        record,
        affected.map(({ id }) => id),
        fixed.map(({ id }) => id),
      ),
    ],
  };
}

/** The file name CSAF 2.0 demands of a tracking id (section 5.1). */
export function csafFileName(id: string): string {
  return `${id.toLowerCase().replaceAll(/[^+\-a-z0-9]+/g, '_')}.json`;
}

/** `/.well-known/csaf/provider-metadata.json` (section 7.1.8). */
export function toProviderMetadata(publisher: AdvisoryPublisher, updatedAt: Date): JsonDocument {
  const base = publisher.namespace.replace(/\/$/, '');
  return {
    canonical_url: `${base}/.well-known/csaf/provider-metadata.json`,
    distributions: [{ directory_url: `${base}/advisories/csaf/` }],
    last_updated: updatedAt.toISOString(),
    list_on_CSAF_aggregators: false,
    mirror_on_CSAF_aggregators: false,
    metadata_version: '2.0',
    publisher: toPublisher(publisher),
    role: 'csaf_publisher',
  };
}

function toPublisher({ name, namespace, contact }: AdvisoryPublisher): JsonDocument {
  return { category: 'coordinator', name, namespace, contact_details: contact };
}

function toHead(record: AdvisoryRecord): JsonDocument {
  const severity = scored(record);
  // 6.1.14, 6.1.16, 6.1.22: the history is ascending and its last entry is the document's own version.
  const history = Array.from({ length: record.revision }, (_, index) => ({
    date: (index + 1 === record.revision ? record.modifiedAt : record.createdAt).toISOString(),
    number: String(index + 1),
    summary: index === 0 ? 'First version' : 'Revised',
  }));
  return {
    category: 'csaf_security_advisory',
    csaf_version: '2.0',
    lang: 'en',
    title: markedTitle(record),
    ...(severity
      ? { aggregate_severity: { namespace: 'https://www.first.org/cvss/v4.0/', text: capital(severity.severity) } }
      : {}),
    distribution: {
      text:
        record.status === 'draft'
          ? DRAFT_NOTICE
          : `Free to share. Released by two keys${record.releasedBy ? `, held by ${record.releasedBy}` : ''}.`,
      tlp: { label: record.status === 'draft' ? 'RED' : 'WHITE', url: 'https://www.first.org/tlp/v1/' },
    },
    notes: [
      ...(record.demonstration
        ? [{ category: 'legal_disclaimer', title: 'Demonstration', text: DEMONSTRATION_NOTICE }]
        : []),
      { category: 'summary', title: 'Summary', text: record.description },
    ],
    publisher: toPublisher(record.publisher),
    ...(record.references.length > 0
      ? {
          references: record.references.map(({ kind, url }) => ({ category: 'external', summary: capital(kind), url })),
        }
      : {}),
    tracking: {
      id: record.id,
      // 6.2.7 and plain sense: an id of the flaw is no alias of the document, so CVE and GHSA ids stand below.
      status: record.status,
      version: String(record.revision),
      initial_release_date: record.createdAt.toISOString(),
      current_release_date: record.modifiedAt.toISOString(),
      revision_history: history,
      generator: { engine: { name: 'Headstart' }, date: record.modifiedAt.toISOString() },
    },
  };
}

function toVulnerability(record: AdvisoryRecord, affected: readonly string[], fixed: readonly string[]): JsonDocument {
  const cwe = cweName(record.flaw.cwe);
  const cves = record.aliases.filter((alias) => /^CVE-\d{4}-\d{4,}$/.test(alias));
  const others = record.aliases.filter((alias) => !cves.includes(alias));
  const versions = record.affected.measured.filter((each) => each.affected).map(({ version }) => version);
  const found = record.credits.filter(({ role }) => role === 'finder').map(({ name }) => name);
  return {
    title: markedTitle(record),
    ...(cves.length === 1 && cves[0] ? { cve: cves[0] } : {}),
    ids: [
      { system_name: record.publisher.name, text: record.id },
      ...(cves.length > 1 ? cves.map((text) => ({ system_name: 'CVE', text })) : []),
      ...others.map((text) => ({ system_name: text.startsWith('GHSA-') ? 'GitHub Advisory Database' : 'Other', text })),
    ],
    ...(cwe ? { cwe: { id: record.flaw.cwe, name: cwe } } : {}),
    ...(found.length > 0 ? { acknowledgments: [{ names: found, summary: 'Finder' }] } : {}),
    notes: [
      { category: 'description', title: 'Description', text: record.description },
      {
        category: 'details',
        title: 'How the affected versions are known',
        text:
          versions.length > 0
            ? `The reproducer was run on published versions and showed the flaw in: ${versions.join(', ')}.`
            : 'No published version has been measured.',
      },
      ...(record.severity ? [severityNote(record.severity)] : []),
      { category: 'other', title: 'Evidence', text: `SHA-256 of the reproducer: ${record.evidence.reproducerSha256}` },
    ],
    product_status: {
      ...(affected.length > 0 ? { known_affected: affected } : {}),
      // 6.1.6: a product stands in one group only, so `first_fixed` stays away.
      ...(fixed.length > 0 ? { fixed } : {}),
    },
    remediations: toRemediations(record, affected),
    ...toScores(record, affected),
  };
}

function severityNote({ vector, reasons }: { vector: string; reasons: readonly string[] }): JsonDocument {
  return {
    category: 'other',
    title: 'CVSS 4.0',
    text: `${vector} (proposed by the finder). ${reasons.join(' ')} The CVSS 3.1 base vector in this document is derived from it by rule.`,
  };
}

function toRemediations(record: AdvisoryRecord, affected: readonly string[]): JsonDocument[] {
  const fixes = rangesOf(record.affected.events).map((range, index) => ({
    category: range.fixed ? 'vendor_fix' : 'none_available',
    details: range.fixed ? `Update to ${record.package.name} ${range.fixed} or later.` : 'No fixed version is known.',
    product_ids: affected.slice(index, index + 1),
  }));
  const { mitigation } = record;
  if (!mitigation || affected.length === 0) return fixes;
  // Who can do something has not nothing.
  const real = fixes.filter(({ category }) => category !== 'none_available');
  return [...real, { category: 'mitigation', details: mitigation, product_ids: [...affected] }];
}

function toScores(record: AdvisoryRecord, products: readonly string[]): JsonDocument {
  if (!record.severity || products.length === 0) return {};
  const derived = scoreCvss(toCvss31(record.severity.vector));
  if (!derived.ok) throw new RangeError(`${record.id}: ${derived.refusal.reason}`);
  const { vector, score, severity } = derived.value;
  const cvss_v3 = { version: '3.1', vectorString: vector, baseScore: score, baseSeverity: severity.toUpperCase() };
  return { scores: [{ products, cvss_v3 }] };
}

function rangeProduct(record: AdvisoryRecord, range: AffectedRange, id: string): Product {
  const { introduced, fixed, lastAffected } = range;
  const bounds = [
    ...(introduced === '0' ? [] : [`>=${introduced}`]),
    ...(fixed ? [`<${fixed}`] : []),
    ...(lastAffected ? [`<=${lastAffected}`] : []),
  ];
  const name = `${record.package.name} ${rangeWords(range)}`;
  const product = { name, product_id: id, product_identification_helper: { purl: record.package.purl } };
  const vers = `vers:${record.package.ecosystem}/${bounds.length > 0 ? bounds.join('|') : '*'}`;
  return { id, branch: { category: 'product_version_range', name: vers, product } };
}

function versionProduct(record: AdvisoryRecord, version: string, id: string): Product {
  const helper = { purl: `${record.package.purl}@${encodeURIComponent(version)}` };
  const product = { name: `${record.package.name} ${version}`, product_id: id, product_identification_helper: helper };
  return { id, branch: { category: 'product_version', name: version, product } };
}

function scored(record: AdvisoryRecord): CvssScore | undefined {
  const outcome = record.severity && scoreCvss(record.severity.vector);
  if (outcome && !outcome.ok) throw new RangeError(`${record.id}: ${outcome.refusal.reason}`);
  return outcome?.value;
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
