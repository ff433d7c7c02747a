/** The advisory for people. Everything that came from outside is escaped: a package's name must not become markup. */
import { type AdvisoryRecord, markedTitle, noticesOf, rangesOf, rangeWords } from './advisory-record.ts';
import { scoreCvss } from './cvss.ts';
import { cweName } from './cwe.ts';

export function toMarkdown(record: AdvisoryRecord): string {
  const severity = record.severity ? scoreCvss(record.severity.vector) : undefined;
  const facts = [
    ['Advisory', record.id],
    ['Package', record.package.purl],
    ['Weakness', [record.flaw.cwe, cweName(record.flaw.cwe) ?? record.flaw.name].join(' ')],
    ['Affected', rangesOf(record.affected.events).map(rangeWords).join('; ') || 'not measured'],
    [
      'Severity',
      severity?.ok
        ? `${severity.value.score.toFixed(1)} ${severity.value.severity} (${severity.value.vector})`
        : 'not scored',
    ],
    ['Also known as', record.aliases.join(', ') || 'no other id'],
    ...(record.releasedBy ? [['Released by', `two keys, held by ${record.releasedBy}`]] : []),
    ['Version', `${record.revision}, ${record.modifiedAt.toISOString()}`],
  ];
  return [
    `# ${escaped(markedTitle(record))}`,
    ...noticesOf(record).map((notice) => `> **${notice}**`),
    ['| | |', '|---|---|', ...facts.map(([name, value]) => `| ${name} | ${escaped(value ?? '')} |`)].join('\n'),
    escaped(record.description),
    ...section('Until you have a fix', record.mitigation ? [record.mitigation] : []),
    ...section('Why this severity', record.severity?.reasons ?? []),
    ...section(
      'Measured by running the reproducer',
      record.affected.measured.map(
        ({ version, affected }) =>
          `${version}: ${affected ? 'the flaw shows' : 'the reproducer and its variants stay silent'}`,
      ),
    ),
    ...section(
      'Timeline',
      record.timeline.map(({ at, event }) => `${at.toISOString()} ${event}`),
    ),
    ...section(
      'References',
      record.references.map(({ kind, url }) => `${kind}: <${encodeURI(decodedOrSame(url))}>`),
      false,
    ),
    ...section(
      'Credit',
      record.credits.map(({ name, role }) => `${name} (${role})`),
    ),
    `Published by ${escaped(record.publisher.name)}, ${escaped(record.publisher.contact)}. SHA-256 of the reproducer: \`${record.evidence.reproducerSha256}\`.`,
    '',
  ].join('\n\n');
}

function section(title: string, lines: readonly string[], mayHoldMarkup = true): string[] {
  if (lines.length === 0) return [];
  return [`## ${title}`, lines.map((line) => `- ${mayHoldMarkup ? escaped(line) : line}`).join('\n')];
}

// A table cell or a line: markup characters and line ends lose their meaning.
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>#|~&]/g, (mark) => `\\${mark}`).replaceAll(/[\r\n\u2028\u2029]+/g, ' ');
}

function decodedOrSame(url: string): string {
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}
