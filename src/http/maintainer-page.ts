/**
 * What a party sees of a case, and what it can answer: one document, no account, no script. Every text on it is shown,
 * never run. It is made from the party's view alone, so it can show nothing that the party may not see.
 */
import type { PartyPage } from '../coordination/index.ts';
import { rangesOf, rangeWords } from '../formats/advisory-record.ts';
import { toBothZones } from '../lib/zoned-time.ts';
import { page, toHtml } from './page.ts';

const DAY_MS = 86_400_000;

export interface PageNote {
  /** What became of an answer. */
  readonly said?: string | undefined;
  readonly trouble?: string | undefined;
}

export function renderMaintainerPage(token: string, shown: PartyPage, note: PageNote = {}): string {
  const { view, isDemonstration } = shown;
  const { flaw } = view.content;
  const parts = [
    isDemonstration
      ? '<p class="note"><strong>Demonstration.</strong> This flaw is public already; the maintainer is simulated and this page was sent to nobody. Answers are kept with the demonstration and change nothing else.</p>'
      : '',
    note.said ? `<p class="note" role="status">${toHtml(note.said)}</p>` : '',
    note.trouble ? `<p class="warn" role="alert">${toHtml(note.trouble)}</p>` : '',
    clock(shown),
    view.you.stance === 'invited' ? invitation(token) : '',
    flaw ? facts(view.content) : '<p>What the flaw is will be shown here once you need it for your product.</p>',
    reproducer(view.content),
    patch(view.content),
    view.you.stance === 'bound' ? answers(token, shown) : '',
    threads(token, shown),
    others(shown),
    said(shown),
    `<footer>Case <code>${toHtml(shown.caseId)}</code>. Reading this page changes nothing and is told to nobody. Page of ${toBothZones(shown.now, view.you.zone)}.</footer>`,
  ];
  return page('', parts.filter(Boolean).join('\n'), flaw ? `Security report: ${flaw.title}` : 'Security case');
}

export function renderNoPage(): string {
  return page(
    '',
    '<p>This link is unknown, has ended, or was replaced. Ask whoever sent it for a new one.</p>',
    'No such page',
  );
}

function clock({ view, now }: PartyPage): string {
  const { deadline } = view.content;
  if (!deadline) return '';
  const zoned = (at: Date): string => toHtml(toBothZones(at, view.you.zone));
  const days = deadline.dueAt ? Math.ceil((deadline.dueAt.getTime() - now.getTime()) / DAY_MS) : 0;
  const until = deadline.dueAt
    ? `Private until <strong><time datetime="${deadline.dueAt.toISOString()}">${zoned(deadline.dueAt)}</time></strong> (${days > 0 ? `${days} days left` : 'the time has come'})`
    : 'Private without a deadline of ours';
  return `<h2>Clock</h2>
<p>${deadline.isInForce ? until : `No private time runs: the case is <strong>${toHtml(deadline.stage)}</strong>.`}<br>
<small>${toHtml(deadline.policy)}. A released fix ends the private time, and so does a leak or an attack, at once.</small></p>`;
}

type Content = PartyPage['view']['content'];

function facts({ flaw }: Content): string {
  if (!flaw) return '';
  const affected = flaw.affected ? rangeText(flaw.affected) : 'this version; others have not been measured';
  const rows: readonly (readonly [string, string])[] = [
    ['Package', `${flaw.package} ${flaw.version}`],
    ['Seen', flaw.oracle],
    ['Reached by', flaw.entry],
    ['At', flaw.sink ?? 'no position'],
    ['Reproduced', `${flaw.reproduced} fresh sandboxes; silent without the package`],
    ['Affected', affected],
    ['Severity proposed', `${flaw.severity}. Yours replaces it.`],
    ['Will be', flaw.advisory],
    ['Origin', 'Found and reproduced by an automated search.'],
  ];
  return `<h2>What it is</h2>
<table class="facts"><tbody>
${rows.map(([name, text]) => `<tr><th>${name}</th><td>${toHtml(text)}</td></tr>`).join('\n')}
</tbody></table>`;
}

function rangeText({ events, measured }: NonNullable<NonNullable<Content['flaw']>['affected']>): string {
  const read = events.map((event) => ('last_affected' in event ? { lastAffected: event.last_affected } : event));
  return `${rangesOf(read).map(rangeWords).join('; ')}; measured by running it on ${measured.length} published versions`;
}

function reproducer({ flaw, reproducer: it }: Content): string {
  if (!it) return '';
  const install = flaw ? `npm install --ignore-scripts ${flaw.package}@${flaw.version}\n` : '';
  return `<h2>To see it yourself</h2>
<p>In an empty directory, on a machine you can spare. Its effect is a harmless mark; exit code 0 says that the flaw showed.</p>
<pre>${toHtml(`${install}node ${it.file}`)}</pre>
<details open><summary><code>${toHtml(it.file)}</code>, SHA-256 <code>${toHtml(it.sha256)}</code></summary><pre>${toHtml(it.text)}</pre></details>`;
}

function patch({ patch: it }: Content): string {
  if (!it) return '';
  if (it.text === null) return '<h2>Candidate patch</h2><p>We have none for you yet.</p>';
  const own = it.ownTests && it.ownTests.outcome !== 'not-run';
  return `<h2>Candidate patch</h2>
<p>Made and checked by machine: the reproducer and its variants stay silent with it. ${own ? 'Your own tests are no worse with it.' : 'Your own tests were not run with it.'}</p>
<details open><summary>The patch</summary><pre>${toHtml(it.text)}</pre></details>`;
}

/** One form is one answer. */
function form(token: string, answer: string, fields: string, button: string, disabled?: string): string {
  const off = disabled ? ' disabled' : '';
  return `<form method="post" action="/m/${toHtml(token)}"><fieldset${off}><input type="hidden" name="answer" value="${answer}">${fields}
<button>${button}</button>${disabled ? ` <small>${toHtml(disabled)}</small>` : ''}</fieldset></form>`;
}

function invitation(token: string): string {
  return `<h2>Your agreement</h2><p>What the flaw is will be shown once you agree to keep it to yourself until the time above.</p>
${form(token, 'bind', '', 'I agree to the embargo')}`;
}

const STANDINGS = [
  ['investigating', 'we are looking'],
  ['affected', 'our product is affected'],
  ['not-affected', 'our product is not affected'],
  ['fixing', 'we are fixing it'],
  ['fixed', 'we have fixed it'],
] as const;

function answers(token: string, { view }: PartyPage): string {
  const { deadline } = view.content;
  const noTime = deadline?.isInForce && deadline.dueAt ? undefined : 'no private time runs that could be longer';
  const atLimit = deadline?.limit && deadline.dueAt && deadline.dueAt >= deadline.limit;
  const options = STANDINGS.map(
    ([value, text]) => `<option value="${value}"${value === view.you.standing ? ' selected' : ''}>${text}</option>`,
  );
  return `<h2>Your answer</h2>
${form(token, 'standing', `<label for="standing">Where do you stand? So far: <strong>${toHtml(view.you.standing)}</strong></label><select id="standing" name="standing">${options.join('')}</select>`, 'Say so')}
${form(token, 'fixed-in', '<label for="version">Fixed in version</label><input id="version" name="text" required maxlength="64" placeholder="1.2.3">', 'Fixed in this version')}
<p><small>The reproducer is then run on that version by machine, and the result is shown here.</small></p>
${form(token, 'not-a-bug', '<label for="reason">It is not a bug, because</label><textarea id="reason" name="text" required rows="4" maxlength="4000"></textarea>', 'Not a bug')}
${form(token, 'more-time', '<label for="days">Days more</label><input id="days" name="days" type="number" min="1" max="365" value="14"><label for="why">Why (may be empty)</label><input id="why" name="text" maxlength="4000">', 'Ask for more time', noTime ?? (atLimit ? 'the policy allows no more' : undefined))}
${form(token, 'pace', '<label for="pace">Reports like this one</label><select id="pace" name="pace"><option value="fewer">send me fewer</option><option value="more">send me more</option></select><label for="rate">How many a month, by which channel (may be empty)</label><input id="rate" name="text" maxlength="200">', 'Set the pace')}
${form(token, 'credit', '<label for="credit">Who is thanked for the fix in the advisory? Empty: nobody</label><input id="credit" name="text" maxlength="200">', 'Set the credit')}
${form(token, 'zone', `<label for="zone">Your time zone; times are shown in it, too</label><input id="zone" name="zone" required maxlength="64" value="${toHtml(view.you.zone)}">`, 'Set the zone')}`;
}

function threads(token: string, { view }: PartyPage): string {
  return view.threads
    .map(({ id, product, messages }) => {
      const lines = messages.map(
        ({ from, at, text }) =>
          `<li><small>${toHtml(from)}, ${toHtml(toBothZones(at, view.you.zone))}</small><pre>${toHtml(text)}</pre></li>`,
      );
      const field = `<input type="hidden" name="thread" value="${toHtml(id)}"><label>To those in this thread<textarea name="text" required rows="3" maxlength="4000"></textarea></label>`;
      return `<h2>About ${toHtml(product)}</h2><ul>${lines.join('\n')}</ul>${form(token, 'say', field, 'Say')}`;
    })
    .join('\n');
}

function others({ view }: PartyPage): string {
  const rows = view.parties.map(
    ({ role, name, standing, standingAt }) =>
      `<tr><td>${toHtml(name)}</td><td>${role}</td><td>${saysOf(role, standing)}</td><td>${standingAt ? toHtml(toBothZones(standingAt, view.you.zone)) : ''}</td></tr>`,
  );
  const proposals = view.proposals.map(
    ({ end, agreed, needed }) =>
      `<li>until ${toHtml(toBothZones(end, view.you.zone))}: ${agreed} of ${needed} agree</li>`,
  );
  return `<h2>Who takes part${view.parties.length > 1 ? ` (${view.parties.length})` : ''}</h2>
<table><thead><tr><th>Party</th><th>Role</th><th>Says</th><th>Since</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>
${proposals.length > 0 ? `<p>Proposed ends:</p><ul>${proposals.join('\n')}</ul>` : ''}`;
}

/** Who makes no product has nothing to say of one. */
function saysOf(role: string, standing: string): string {
  if (standing !== 'no-answer') return toHtml(standing);
  return role === 'coordinator' || role === 'finder' ? '' : 'has not answered';
}

function said({ view }: PartyPage): string {
  const lines = view.answers.map(
    ({ at, kind, text }) =>
      `<li><strong>${toHtml(kind)}</strong> ${toHtml(text)} <small>${toHtml(toBothZones(at, view.you.zone))}</small></li>`,
  );
  return lines.length === 0 ? '' : `<h2>Answered so far</h2><ul>${lines.join('\n')}</ul>`;
}
