/**
 * One source for every document about one flaw. Each writer (`osv.ts`, `csaf.ts`, `cve.ts`, `advisory-markdown.ts`) is a
 * pure function of this record, so the documents cannot say different things. It never holds a reproducer.
 *
 * A record under embargo is a `draft`; a case with a simulated party or clock makes a `demonstration`, and every document
 * made of either says so where a reader sees it first.
 */
import type { Json } from '../lib/canonical-json.ts';

/** In version order, as OSV 1.7 reads them; the first is an `introduced`. */
export type AffectedEvent =
  | { readonly introduced: string }
  | { readonly fixed: string }
  | { readonly lastAffected: string };

export interface AdvisoryPublisher {
  readonly name: string;
  /** An address under the publisher's control that names it (CSAF 2.0, 3.2.1.8.5). */
  readonly namespace: string;
  /** How to reach it: `mailto:` or an https address. */
  readonly contact: string;
}

export interface AdvisoryRecord {
  /** `HEADSTART-<year>-<16 hex>`: ours, never the shape of a CVE or GHSA id. */
  readonly id: string;
  readonly status: 'draft' | 'final';
  readonly demonstration: boolean;
  /** 1 for the first publication. */
  readonly revision: number;
  readonly package: { readonly purl: string; readonly ecosystem: 'npm'; readonly name: string };
  readonly title: string;
  readonly description: string;
  readonly flaw: { readonly name: string; readonly cwe: string };
  /** `measured`: every published version on which the reproducer was run. */
  readonly affected: {
    readonly events: readonly AffectedEvent[];
    readonly measured: readonly { readonly version: string; readonly affected: boolean }[];
  };
  /** What users can do until they have a fix; absent where nobody has said. One line. */
  readonly mitigation?: string;
  /** A CVSS 4.0 base vector with one reason per choice. */
  readonly severity: { readonly vector: string; readonly reasons: readonly string[] } | null;
  /** Ids others have assigned: `CVE-…`, `GHSA-…`. */
  readonly aliases: readonly string[];
  readonly credits: readonly {
    readonly name: string;
    readonly role: 'finder' | 'coordinator' | 'remediation developer';
  }[];
  readonly references: readonly {
    readonly kind: 'advisory' | 'fix' | 'report' | 'package' | 'web';
    readonly url: string;
  }[];
  /** In time order. */
  readonly timeline: readonly { readonly at: Date; readonly event: string }[];
  readonly publisher: AdvisoryPublisher;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  /** Who signed the release; absent in a draft. */
  readonly releasedBy?: ReleasedBy;
  /** What proves the finding without showing it. */
  readonly evidence: { readonly reproducerSha256: string; readonly commitment: string | null };
}

/** Two signatures are always there; `one person` says that both keys have one holder. */
export type ReleasedBy = 'one person' | 'two persons';

export type JsonDocument = { readonly [name: string]: Json };

export const DEMONSTRATION_NOTICE =
  'DEMONSTRATION. Parties or clocks of this case were simulated. The flaw is public knowledge already; this document was made to show the process and must not be read as a new advisory.';

export const DRAFT_NOTICE =
  'DRAFT UNDER EMBARGO. Not for distribution: it may not be published before its release is signed.';

/** The notices a reader must see first, in this order. */
export function noticesOf(record: AdvisoryRecord): readonly string[] {
  return [
    ...(record.demonstration ? [DEMONSTRATION_NOTICE] : []),
    ...(record.status === 'draft' ? [DRAFT_NOTICE] : []),
  ];
}

export function markedTitle(record: AdvisoryRecord): string {
  return `${record.demonstration ? '[DEMONSTRATION] ' : ''}${record.status === 'draft' ? '[DRAFT] ' : ''}${record.title}`;
}

/** Half-open ranges [introduced, fixed) or closed ones [introduced, lastAffected]; open-ended where neither is known. */
export interface AffectedRange {
  /** `0` means from the first version on. */
  readonly introduced: string;
  readonly fixed?: string;
  readonly lastAffected?: string;
}

export function rangesOf(events: readonly AffectedEvent[]): readonly AffectedRange[] {
  const ranges: AffectedRange[] = [];
  let open: string | undefined;
  for (const event of events) {
    if ('introduced' in event) {
      if (open !== undefined) throw new RangeError(`introduced in ${event.introduced} while ${open} is still open`);
      open = event.introduced;
    } else {
      if (open === undefined) throw new RangeError('an affected range ends before it begins');
      ranges.push({
        introduced: open,
        ...('fixed' in event ? { fixed: event.fixed } : { lastAffected: event.lastAffected }),
      });
      open = undefined;
    }
  }
  return open === undefined ? ranges : [...ranges, { introduced: open }];
}

/** The range in words: `from 1.0.0, before 1.2.3`. */
export function rangeWords({ introduced, fixed, lastAffected }: AffectedRange): string {
  const start = introduced === '0' ? 'all versions' : `from ${introduced}`;
  if (fixed) return introduced === '0' ? `before ${fixed}` : `${start}, before ${fixed}`;
  return lastAffected ? `${introduced === '0' ? '' : `${start}, `}up to and including ${lastAffected}` : start;
}
