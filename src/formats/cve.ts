/**
 * CVE Record Format 5.1. Nobody but a CNA assigns a CVE id: without an assignment this writes the CNA container alone
 * (`cnaPublishedContainer`), ready to be handed to one. An alias assigned by somebody else is named in `x_headstart`,
 * never claimed as ours.
 */
import { sha256Hex } from '../lib/hash.ts';
import { type AdvisoryRecord, type JsonDocument, markedTitle, noticesOf, rangesOf } from './advisory-record.ts';
import { scoreCvss } from './cvss.ts';
import { cweName } from './cwe.ts';

/** A CVE id that this publisher itself, as the CNA with this organisation id, has assigned to the record's flaw. */
export interface CveAssignment {
  readonly cveId: `CVE-${number}-${number}`;
  readonly assignerOrgId: string;
}

/** Longest description the schema takes, characters. */
const MAX_DESCRIPTION = 4_096;
const TAGS = {
  advisory: 'vdb-entry',
  fix: 'patch',
  report: 'issue-tracking',
  package: 'product',
  web: 'related',
} as const;

export function toCve(record: AdvisoryRecord, assignment?: CveAssignment): JsonDocument {
  const container = toCnaContainer(record, assignment?.assignerOrgId);
  if (!assignment) return container;
  return {
    dataType: 'CVE_RECORD',
    dataVersion: '5.1.1',
    cveMetadata: {
      cveId: assignment.cveId,
      assignerOrgId: assignment.assignerOrgId,
      state: 'PUBLISHED',
      datePublished: record.createdAt.toISOString(),
      dateUpdated: record.modifiedAt.toISOString(),
    },
    containers: { cna: container },
  };
}

function toCnaContainer(record: AdvisoryRecord, orgId: string | undefined): JsonDocument {
  const description = [...noticesOf(record), record.description].join(' ').replaceAll(/\s+/g, ' ');
  const cwe = cweName(record.flaw.cwe);
  return {
    providerMetadata: { orgId: orgId ?? placeholderOrgId(record.publisher.namespace), shortName: 'headstart' },
    title: markedTitle(record).slice(0, 256),
    ...(record.status === 'final' ? { datePublic: record.createdAt.toISOString() } : {}),
    descriptions: [{ lang: 'en', value: description.slice(0, MAX_DESCRIPTION) }],
    affected: [toProduct(record)],
    ...(record.mitigation && { workarounds: [{ lang: 'en', value: record.mitigation }] }),
    problemTypes: [
      {
        descriptions: [
          {
            lang: 'en',
            cweId: record.flaw.cwe,
            type: 'CWE',
            description: cwe ? `${record.flaw.cwe} ${cwe}` : record.flaw.name,
          },
        ],
      },
    ],
    ...toMetrics(record),
    references: record.references.map(({ kind, url }) => ({ url, tags: [TAGS[kind]] })),
    ...(record.timeline.length > 0
      ? { timeline: record.timeline.map(({ at, event }) => ({ time: at.toISOString(), lang: 'en', value: event })) }
      : {}),
    ...(record.credits.length > 0
      ? { credits: record.credits.map(({ name, role }) => ({ lang: 'en', value: name, type: role })) }
      : {}),
    source: { advisory: record.id, discovery: 'EXTERNAL' },
    x_headstart: {
      advisory: record.id,
      aliases: record.aliases,
      demonstration: record.demonstration,
      draft: record.status === 'draft',
      orgIdIsPlaceholder: orgId === undefined,
      ...(record.releasedBy ? { releasedBy: record.releasedBy } : {}),
      reproducerSha256: record.evidence.reproducerSha256,
    },
  };
}

function toProduct(record: AdvisoryRecord): JsonDocument {
  const versions = rangesOf(record.affected.events).map(({ introduced, fixed, lastAffected }) => ({
    version: introduced,
    status: 'affected',
    versionType: 'semver',
    ...(fixed ? { lessThan: fixed } : { lessThanOrEqual: lastAffected ?? '*' }),
  }));
  return {
    vendor: record.package.name.split('/')[0]?.replace('@', '') || record.package.name,
    product: record.package.name,
    packageName: record.package.name,
    collectionURL: 'https://www.npmjs.com',
    defaultStatus: versions.length > 0 ? 'unaffected' : 'unknown',
    ...(versions.length > 0 ? { versions } : {}),
  };
}

function toMetrics(record: AdvisoryRecord): JsonDocument {
  if (!record.severity) return {};
  const scored = scoreCvss(record.severity.vector);
  if (!scored.ok || scored.value.version !== '4.0') throw new RangeError(`${record.id} bears no CVSS 4.0 vector`);
  const { vector, score, severity } = scored.value;
  const cvssV4_0 = { version: '4.0', vectorString: vector, baseScore: score, baseSeverity: severity.toUpperCase() };
  return { metrics: [{ format: 'CVSS', scenarios: [{ lang: 'en', value: 'GENERAL' }], cvssV4_0 }] };
}

/** The schema demands an organisation id; one that is no CNA's gets a version-4-shaped hash of its own address. */
function placeholderOrgId(namespace: string): string {
  const hex = sha256Hex(`headstart organisation ${namespace}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
