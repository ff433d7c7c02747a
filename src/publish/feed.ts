/** What lies beside the advisories: the feed, `security.txt`, CSAF's provider metadata. Pure texts. */
import type { AdvisoryPublisher, ReleasedBy } from '../formats/advisory-record.ts';
import { toProviderMetadata } from '../formats/csaf.ts';
import { SECURITY_TXT_DAYS, toSecurityText } from '../formats/security-txt.ts';
import { addDays } from '../lib/clock.ts';
import type { DocumentHash } from './advisory-documents.ts';

export interface FeedItem {
  readonly advisory: string;
  readonly title: string;
  readonly kind: 'real' | 'demonstration';
  readonly releasedBy: ReleasedBy;
  readonly publishedAt: Date;
  readonly documents: readonly DocumentHash[];
}

export function feedText(publisher: AdvisoryPublisher, items: readonly FeedItem[]): string {
  const base = baseOf(publisher);
  const feed = {
    version: 'https://jsonfeed.org/version/1.1',
    title: `Advisories of ${publisher.name}`,
    home_page_url: base,
    feed_url: `${base}/feed.json`,
    items: [...items]
      .sort(
        (left, right) =>
          right.publishedAt.getTime() - left.publishedAt.getTime() || (left.advisory < right.advisory ? -1 : 1),
      )
      .map(({ advisory, title, kind, releasedBy, publishedAt, documents }) => ({
        id: advisory,
        url: `${base}/${documents.find(({ name }) => name.includes('/markdown/'))?.name ?? ''}`,
        title,
        content_text: kind === 'demonstration' ? `Demonstration, not a new advisory. ${title}` : title,
        date_published: publishedAt.toISOString(),
        tags: [kind],
        _headstart: { released_by: releasedBy, documents },
      })),
  };
  return `${JSON.stringify(feed, null, 2)}\n`;
}

export function securityText(publisher: AdvisoryPublisher, now: Date): string {
  const base = baseOf(publisher);
  return toSecurityText({
    contacts: [publisher.contact],
    expires: addDays(now, SECURITY_TXT_DAYS),
    canonical: `${base}/.well-known/security.txt`,
    csaf: `${base}/.well-known/csaf/provider-metadata.json`,
  });
}

export const providerText = (publisher: AdvisoryPublisher, now: Date): string =>
  `${JSON.stringify(toProviderMetadata(publisher, now), null, 2)}\n`;

const baseOf = ({ namespace }: AdvisoryPublisher): string => namespace.replace(/\/$/, '');
