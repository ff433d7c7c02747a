/** OSV 1.7 records. Ids of databases outside OSV's register start with `x_` (schema, `$defs/prefix`). */
import {
  type AdvisoryRecord,
  type AffectedEvent,
  type JsonDocument,
  markedTitle,
  noticesOf,
  rangesOf,
} from './advisory-record.ts';

const CREDIT = {
  finder: 'FINDER',
  coordinator: 'COORDINATOR',
  'remediation developer': 'REMEDIATION_DEVELOPER',
} as const;
const REFERENCE = { advisory: 'ADVISORY', fix: 'FIX', report: 'REPORT', package: 'PACKAGE', web: 'WEB' } as const;

export function toOsv(record: AdvisoryRecord): JsonDocument {
  return {
    schema_version: '1.7.5',
    id: osvId(record.id),
    modified: record.modifiedAt.toISOString(),
    ...(record.status === 'final' ? { published: record.createdAt.toISOString() } : {}),
    aliases: record.aliases.map((alias) => (/^(CVE|GHSA)-/.test(alias) ? alias : osvId(alias))),
    summary: markedTitle(record),
    details: [...noticesOf(record), record.description, ...untilFixed(record)].join('\n\n'),
    ...(record.severity ? { severity: [{ type: 'CVSS_V4', score: record.severity.vector }] } : {}),
    affected: [
      {
        package: { ecosystem: record.package.ecosystem, name: record.package.name, purl: record.package.purl },
        // One range per interval: OSV forbids `fixed` and `last_affected` in the same list of events.
        ranges: rangesOf(record.affected.events).map(({ introduced, fixed, lastAffected }) => ({
          type: 'SEMVER',
          events: [
            { introduced },
            ...(fixed ? [{ fixed }] : []),
            ...(lastAffected ? [{ last_affected: lastAffected }] : []),
          ],
        })),
        versions: record.affected.measured.filter(({ affected }) => affected).map(({ version }) => version),
        database_specific: { cwe: record.flaw.cwe, measured_by: 'execution of the reproducer' },
      },
    ],
    references: record.references.map(({ kind, url }) => ({ type: REFERENCE[kind], url })),
    credits: record.credits.map(({ name, role }) => ({ name, type: CREDIT[role] })),
    database_specific: {
      cwe_ids: [record.flaw.cwe],
      demonstration: record.demonstration,
      draft: record.status === 'draft',
      ...(record.releasedBy ? { released_by: record.releasedBy } : {}),
      reproducer_sha256: record.evidence.reproducerSha256,
      ...(record.evidence.commitment ? { commitment: record.evidence.commitment } : {}),
    },
  };
}

const untilFixed = ({ mitigation }: AdvisoryRecord): string[] =>
  mitigation ? [`Until you have a fix: ${mitigation}`] : [];

const osvId = (id: string): string => `x_${id}`;

/** The affected intervals an OSV record states, of all its SEMVER and ECOSYSTEM ranges. */
export function affectedEventsOf(osv: JsonDocument): readonly AffectedEvent[] {
  const affected = (osv.affected ?? []) as readonly {
    ranges?: readonly { events: readonly Record<string, string>[] }[];
  }[];
  return affected
    .flatMap(({ ranges = [] }) => ranges.flatMap(({ events }) => events))
    .map((event): AffectedEvent => {
      if (event.introduced !== undefined) return { introduced: event.introduced };
      if (event.fixed !== undefined) return { fixed: event.fixed };
      return { lastAffected: event.last_affected ?? '' };
    });
}
