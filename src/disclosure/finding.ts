/** What a case holds of its finding, and what the public documents are made of. */
import type { AdvisoryPublisher, AdvisoryRecord, AffectedEvent } from '../formats/advisory-record.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import { nameAsWritten, packageName, readPurl, toPurl, withoutVersion } from '../formats/purl.ts';
import type { AffectedVersions, ConfirmedFinding, VersionEvent } from '../verify/index.ts';
import type { Case, CaseId } from './case.ts';
import type { HistoryEntry } from './case-store.ts';
import { MAX_MITIGATION } from './mitigation.ts';

/** Name and address of a party, as they lie encrypted beside it. */
export interface Contact {
  readonly name: string;
  /** Where a report is sent, as `readAddress` reads it; null where nobody has looked it up yet. */
  readonly address: string | null;
  /** An age recipient or an armoured OpenPGP key, to which mail is encrypted. */
  readonly publicKey?: string;
  /** Who said that the report to this party may be public at once. */
  readonly publicAgreedBy?: string;
}

/** What is learnt while the case runs. */
export interface Learnt {
  /** Ids assigned by others: `CVE-…`, `GHSA-…`. A demonstration has at least one. */
  readonly knownAs: readonly string[];
  /** A patch that was verified, as unified diff. */
  readonly patch: string | null;
  /** The package's own tests under that patch; absent in cases older than this. */
  readonly ownTests?: OwnTests | null;
  readonly fixedVersion: string | null;
  /** Past advisories whose fix this may show to be incomplete; absent where nobody looked. */
  readonly incompleteFixOf?: readonly string[];
  /** What users can do until there is a fix, as a person accepted it; absent before. */
  readonly mitigation?: string | null;
  /** Measured by running the reproducer over the published versions. */
  readonly affected: AffectedVersions | null;
}

/** What did not run is told so, and never counts as no worse. */
export interface OwnTests {
  readonly outcome: 'same' | 'better' | 'worse' | 'not-run';
  readonly reason: string;
}

export interface PackageNamed {
  /** Without version. */
  readonly purl: string;
  readonly name: string;
  readonly version: string;
}

/** Throws where the target is no package URL with a version: `verify` promises one. */
export function packageOf(finding: Pick<ConfirmedFinding, 'target'>): PackageNamed {
  const read = readPurl(finding.target);
  if (!read.ok || !read.value.version) throw new RangeError(`${finding.target} is no package URL with a version`);
  return {
    purl: toPurl(withoutVersion(read.value)),
    name: nameAsWritten(finding.target) ?? packageName(read.value),
    version: read.value.version,
  };
}

/** `HEADSTART-<year of opening>-<16 hex of the case's id>`. */
export function advisoryIdOf({ id, openedAt }: { readonly id: CaseId; readonly openedAt: Date }): string {
  return `HEADSTART-${openedAt.getUTCFullYear()}-${id.slice('case_'.length, 'case_'.length + 16)}`;
}

export const titleOf = (finding: ConfirmedFinding): string =>
  `${FLAW_CLASSES[finding.flaw].title} in ${packageOf(finding).name}`;

export interface AdvisorySource {
  readonly case: Case;
  readonly finding: ConfirmedFinding;
  readonly learnt: Learnt;
  readonly history: readonly HistoryEntry[];
  readonly commitment: string | null;
  readonly publisher: AdvisoryPublisher;
  readonly status: AdvisoryRecord['status'];
  readonly now: Date;
}

/** The record all public documents are made of. Entry point and sink are told only once the details may be. */
export function toAdvisoryRecord(source: AdvisorySource): AdvisoryRecord {
  const { case: it, finding, learnt, now } = source;
  const named = packageOf(finding);
  const { title } = FLAW_CLASSES[finding.flaw];
  const mayTellDetails = it.stage === 'disclosed' && now >= it.detailsAt;
  const details = mayTellDetails
    ? ` It is reached by ${oneLine(finding.entry)}${finding.sink ? ` and shows at ${finding.sink.file}:${finding.sink.line}` : ''}.`
    : ' How it is reached is told later, when users have had time to update.';
  return {
    id: advisoryIdOf(it),
    status: source.status,
    demonstration: it.kind === 'demonstration',
    revision: 1,
    package: { purl: named.purl, ecosystem: 'npm', name: named.name },
    title: titleOf(finding),
    description: `${title} in the npm package ${named.name}, shown by execution in version ${named.version}.${details}`,
    flaw: { name: finding.flaw, cwe: FLAW_CLASSES[finding.flaw].cwe },
    affected: affectedOf(learnt.affected, named.version),
    ...(learnt.mitigation && { mitigation: oneLine(learnt.mitigation, MAX_MITIGATION) }),
    severity: {
      vector: finding.severity.vector,
      reasons: Object.entries(finding.severity.reasons).map(([metric, reason]) => `${metric}: ${reason}.`),
    },
    aliases: learnt.knownAs,
    credits: [{ name: 'Headstart, by automated search and execution', role: 'finder' }],
    references: [{ kind: 'package', url: `https://www.npmjs.com/package/${encodeURI(named.name)}` }],
    timeline: source.history
      .filter(({ version }) => version !== null)
      .map(({ at, event }) => ({ at, event: it.kind === 'demonstration' ? `${event} (simulated)` : event })),
    publisher: source.publisher,
    createdAt: now,
    modifiedAt: now,
    evidence: { reproducerSha256: finding.reproducer.sha256, commitment: source.commitment },
  };
}

/** Unmeasured, exactly the version the flaw was shown in is affected, and nothing is said of any other. */
function affectedOf(affected: AffectedVersions | null, shownIn: string): AdvisoryRecord['affected'] {
  if (!affected || affected.events.length === 0) {
    return {
      events: [{ introduced: shownIn }, { lastAffected: shownIn }],
      measured: [{ version: shownIn, affected: true }],
    };
  }
  return {
    events: affected.events.map(toAffectedEvent),
    measured: affected.measured
      .filter(({ outcome }) => outcome !== 'not-comparable')
      .map(({ version, outcome }) => ({ version, affected: outcome === 'fires' })),
  };
}

function toAffectedEvent(event: VersionEvent): AffectedEvent {
  if ('introduced' in event) return { introduced: event.introduced };
  return 'fixed' in event ? { fixed: event.fixed } : { lastAffected: event.last_affected };
}

/** Text from a target, for a line of ours: nothing in it can start a line or move a cursor. */
export function oneLine(text: string, maxCharacters = 500): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, maxCharacters);
}
