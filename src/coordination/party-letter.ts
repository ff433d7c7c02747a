/**
 * What is written to a party beside the report, in plain text. An invitation is made from the party's view alone, so it
 * can say nothing that the party may not see. Pure.
 */
import { rangesOf, rangeWords } from '../formats/advisory-record.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import { toBothZones } from '../lib/zoned-time.ts';
import type { CaseContent } from './coordination.ts';
import type { PartyView } from './view.ts';

export interface LetterFacts {
  readonly caseId: string;
  readonly isDemonstration: boolean;
  /** Who answers. */
  readonly contact: { readonly name: string; readonly address: string };
  /** Of the party's page; undefined where pages have no address. */
  readonly link: string | undefined;
}

export interface LetterText {
  readonly subject: string;
  readonly text: string;
}

const MAX_LINE = 300;
const DEMONSTRATION = 'DEMONSTRATION: the recipient is simulated and this message is never sent.';

/** `about`: what concerns this party's own products; shown only to who may see the flaw. */
export function toInvitation(
  view: PartyView<CaseContent>,
  facts: LetterFacts,
  about: readonly string[] = [],
): LetterText {
  const { deadline, flaw } = view.content;
  const zoned = (at: Date): string => toBothZones(at, view.you.zone);
  const until =
    deadline?.isInForce && deadline.dueAt
      ? `It is kept private until ${zoned(deadline.dueAt)} (${deadline.policy}), or until a fix, a leak or an attack.`
      : 'It is kept private, without a deadline of ours.';
  const lines = [
    `${facts.contact.name} coordinates a security case that concerns ${toPlainLine(view.you.name, MAX_LINE)}.`,
    ...(deadline ? [deadline.isInForce ? until : `No private time runs: the case is ${deadline.stage}.`] : []),
    '',
    ...(flaw ? flawLines(flaw) : unseenLines(view.you.stance)),
    ...(flaw ? about.map((line) => toPlainLine(line, MAX_LINE)) : []),
    '',
    ...(facts.link ? ['Your page, without account or script; opening it changes nothing:', `  ${facts.link}`, ''] : []),
    `Answer to: ${facts.contact.address}, naming ${facts.caseId}.`,
  ];
  return letter(facts, `Security case ${facts.caseId}: your part in it`, lines);
}

function flawLines({ title, package: name, version, severity, affected }: CaseContent['flaw']): readonly string[] {
  const range = affected
    ? rangesOf(
        affected.events.map((event) => ('last_affected' in event ? { lastAffected: event.last_affected } : event)),
      )
        .map(rangeWords)
        .join('; ')
    : `${version}; other versions have not been measured`;
  return [`What it is: ${title}, in ${name} ${version}.`, `Affected: ${range}.`, `Severity proposed: ${severity}.`];
}

function unseenLines(stance: PartyView<CaseContent>['you']['stance']): readonly string[] {
  return stance === 'invited'
    ? ['What the flaw is can be shown once you agree to keep it to yourself until then.']
    : ['What the flaw is will be shown once you need it for your product.'];
}

export interface SilenceFacts extends LetterFacts {
  readonly project: string;
  readonly sentAt: Date;
  readonly dueAt: Date | null;
  readonly silenceDays: number;
  readonly policy: string;
  /** As a person signed it off. */
  readonly report: LetterText;
}

/** Asks an outside coordinator to help reach maintainers who do not answer. The deadline stands. */
export function toEscalation(facts: SilenceFacts): LetterText {
  const { project, sentAt, dueAt, silenceDays, policy, report } = facts;
  return letter(facts, `No answer in ${silenceDays} days: ${report.subject}`, [
    `The report below was sent to the maintainers of ${project} on ${toBothZones(sentAt, 'UTC')}.`,
    `In ${silenceDays} days nobody has answered, so we ask you to help reach them (${policy}).`,
    dueAt ? `The deadline stands: ${toBothZones(dueAt, 'UTC')}.` : 'No deadline of ours runs.',
    'Please keep it to yourselves until then. What follows is the report as they have it.',
    '',
    report.text.trimEnd(),
  ]);
}

function letter({ isDemonstration }: LetterFacts, subject: string, lines: readonly string[]): LetterText {
  const mark = isDemonstration ? '[DEMONSTRATION] ' : '';
  const head = isDemonstration ? [DEMONSTRATION, ''] : [];
  return { subject: `${mark}${subject}`, text: `${[...head, ...lines].join('\n')}\n` };
}
