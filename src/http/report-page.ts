/** The form by which anybody reports a flaw, the receipt, and what became of a report. No account, no script. */
import {
  type Fate,
  type Filled,
  FORM_LIMITS,
  type FormField,
  KNOWN_TO,
  SEVERITY_WORDS,
  STAMP,
  TRAP,
} from '../inbound/index.ts';
import { instant, page, toHtml } from './page.ts';

export interface ReportPageFrame {
  /** Who receives it. */
  readonly recipient: string;
  /** Where else reports go: `mailto:` or an address; undefined where nobody said so. */
  readonly contact: string | undefined;
  /** Whether something can be encrypted to us. */
  readonly hasKey: boolean;
  /** In words: how long what is reported stays private. */
  readonly policy: string;
}

const LABELS: Readonly<Record<FormField, string>> = {
  package: 'Package or project, as its registry or repository names it',
  version: 'Version you saw it in (may be empty)',
  place: 'Where in the source: file and line (may be empty)',
  title: 'In one line: what is wrong',
  text: 'What happens, and how to see it',
  contact: 'Your mail address, if you want an answer (may be empty)',
};

export const fieldName = (field: FormField): string => LABELS[field].replace(/ \(.*$/, '');

/** What was filled in stands in it again where it could not be taken. */
export function renderReportForm(
  frame: ReportPageFrame,
  stamp: string,
  { filled = {}, trouble }: { readonly filled?: Filled; readonly trouble?: string } = {},
): string {
  const body = `${trouble ? `<p class="warn" role="alert">${toHtml(trouble)}</p>` : ''}
<p>To ${toHtml(frame.recipient)}. What you send is kept encrypted and read by people who work on cases. ${otherWay(frame)}${toHtml(frame.policy)}</p>
<form method="post" action="/report">
${line('package', filled, 'required')}
${line('version', filled)}
${line('place', filled, 'placeholder="src/parse.c:120"')}
${line('title', filled, 'required')}
<label for="text">${LABELS.text}</label><textarea id="text" name="text" required rows="12" maxlength="${FORM_LIMITS.text}">${toHtml(filled.text ?? '')}</textarea>
${choice('severity', 'How bad, in your eyes', [['', 'I cannot say'], ...SEVERITY_WORDS.map((word) => [word, word] as const)], filled)}
${choice('known', 'Who else knows', Object.entries(KNOWN_TO), filled)}
${line('contact', filled, 'type="email" autocomplete="email"')}
<p hidden><label for="${TRAP}">Leave this empty</label><input id="${TRAP}" name="${TRAP}" tabindex="-1" autocomplete="off"></p>
<input type="hidden" name="${STAMP}" value="${toHtml(stamp)}">
<p><button>Send the report</button></p>
</form>
<footer>One flaw a report, please. Attach nothing: what we need, we ask for.</footer>`;
  return page('', body, 'Report a flaw');
}

function otherWay({ contact, hasKey }: ReportPageFrame): string {
  if (contact === undefined) return '';
  const link = `<a href="${toHtml(contact)}">${toHtml(contact.replace(/^mailto:/, ''))}</a>`;
  return hasKey
    ? `To send it encrypted, write to ${link} with <a href="/report/key.txt">our key</a>. `
    : `Or write to ${link}. `;
}

function line(field: FormField, filled: Filled, attributes = ''): string {
  const value = toHtml(filled[field] ?? '');
  return `<label for="${field}">${LABELS[field]}</label><input id="${field}" name="${field}" maxlength="${FORM_LIMITS[field]}" size="60" value="${value}" ${attributes}>`;
}

function choice(name: string, label: string, options: readonly (readonly [string, string])[], filled: Filled): string {
  const shown = options.map(
    ([value, text]) =>
      `<option value="${toHtml(value)}"${filled[name] === value ? ' selected' : ''}>${toHtml(text)}</option>`,
  );
  return `<label for="${name}">${label}</label><select id="${name}" name="${name}">${shown.join('')}</select>`;
}

export function renderReceipt(token: string): string {
  const body = `<p class="note" role="status">Thank you. Your report is kept.</p>
<p>Your receipt is <code>${toHtml(token)}</code>. Keep it: it is shown this once, and whoever has it sees what became of the report, at</p>
<p><a href="/report/${toHtml(token)}">/report/${toHtml(token)}</a></p>`;
  return page('', body, 'Taken');
}

export function renderFate({ receivedAt, state }: Fate): string {
  const told =
    state === 'taken'
      ? 'It is taken: it is compared with what else is known, and people work on it. Whether the flaw was known to us before is not told here.'
      : 'It is set aside until a person has read it. Nothing of it is lost.';
  return page('', `<p>Received ${instant(receivedAt)}.</p><p class="note">${told}</p>`, 'Your report');
}

export function renderNoReport(): string {
  return page('', '<p>No report has this receipt, or it is too old.</p>', 'No such report');
}
