/** The pages of invitation, sign-in and keys. They work without style; only passkeys need the one script. */
import { instant, page, toHtml } from './page.ts';

const SCRIPT = '<script type="module" src="/passkey.js"></script>';

export function renderJoin(token: string, email: string): string {
  return page(
    SCRIPT,
    `<p>This link enrols a passkey for <strong>${toHtml(email)}</strong>. It works once.</p>
<p><button data-kind="enrol" data-options="/join/${toHtml(token)}/options" data-answer="/join/passkey">Enrol a passkey</button></p>
<p role="status" aria-live="polite"></p>
<section id="after" hidden>
<h2>Recovery codes</h2>
<p>Each lets you enrol a new passkey once, if you lose this one. They are shown only now: keep them where the passkey is not.</p>
<pre id="codes"></pre>
<p><a href="/keys">Go on to your keys</a></p>
</section>`,
    'Join',
  );
}

export function renderSignIn(trouble?: string): string {
  return page(
    SCRIPT,
    `${warning(trouble)}<p><button data-kind="sign-in" data-options="/signin/passkey/options" data-answer="/signin/passkey">Sign in with a passkey</button></p>
<p role="status" aria-live="polite"></p>
<h2>Through your organisation</h2>
<form method="post" action="/signin/provider"><label for="email">Mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required> <button>Continue</button></form>
<p><a href="/recover">The passkey is lost</a></p>`,
    'Sign in',
  );
}

/** Leads the browser to the organisation's provider. */
export function renderAway(url: string): string {
  return page(
    `<meta http-equiv="refresh" content="0;url=${toHtml(url)}">`,
    `<p><a href="${toHtml(url)}">Continue at ${toHtml(new URL(url).host)}</a></p>`,
    'Sign in',
  );
}

export function renderRecover(trouble?: string): string {
  return page(
    '',
    `${warning(trouble)}<p>A recovery code lets you enrol a new passkey. The old ones end with it.</p>
<form method="post" action="/recover"><label for="email">Mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required>
<label for="code">Recovery code</label><input id="code" name="code" autocomplete="off" required> <button>Continue</button></form>`,
    'Recover',
  );
}

export function renderTrouble(title: string, text: string): string {
  return page('', `<p class="warn">${toHtml(text)}</p><p><a href="/signin">Sign in</a></p>`, title);
}

export interface KeyLine {
  readonly id: string;
  readonly models: readonly string[];
  readonly tier: string;
  readonly expiresAt: Date | undefined;
  readonly endedAt: Date | undefined;
}

/** What a person may choose from; a tier they may not choose now says why. */
export interface KeyChoice {
  readonly model: string;
  readonly tier: string;
  readonly unavailable: string | undefined;
}

export interface NewKey {
  readonly id: string;
  readonly key: string;
  /** First calls, ready to be pasted. */
  readonly examples: readonly { readonly name: string; readonly text: string }[];
}

export interface KeysPage {
  readonly email: string;
  readonly keys: readonly KeyLine[];
  readonly choices: readonly KeyChoice[];
  readonly created?: NewKey;
  readonly trouble?: string;
}

export function renderKeys({ email, keys, choices, created, trouble }: KeysPage): string {
  const rows = keys.map(
    (
      key,
    ) => `<tr><td><code>${toHtml(key.id)}</code></td><td>${toHtml(key.models.join(', '))}</td><td>${toHtml(key.tier)}</td>
<td>${key.expiresAt ? instant(key.expiresAt) : 'none'}</td><td>${key.endedAt ? `ended ${instant(key.endedAt)}` : revokeForm(key.id)}</td></tr>`,
  );
  return page(
    '',
    `<nav>Signed in as <strong>${toHtml(email)}</strong> <form method="post" action="/signout"><button>Sign out</button></form></nav>
${warning(trouble)}${created ? renderCreated(created) : ''}
${keys.length === 0 ? '<p>No key yet.</p>' : `<table><thead><tr><th>Key</th><th>Models</th><th>Tier</th><th>Expires</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`}
<h2>A new key</h2>
${choices.length === 0 ? '<p>Nothing is granted to you yet. Your organisation’s application shows who it waits for.</p>' : choiceForms(choices)}`,
    'Keys',
  );
}

function renderCreated({ id, key, examples }: NewKey): string {
  const blocks = examples.map(({ name, text }) => `<h3>${toHtml(name)}</h3><pre>${toHtml(text)}</pre>`);
  return `<section><h2>Your key ${toHtml(id)}</h2><p class="note">It is shown only now. Only its keyed hash is kept here.</p>
<pre id="key">${toHtml(key)}</pre>${blocks.join('')}</section>`;
}

function choiceForms(choices: readonly KeyChoice[]): string {
  const rows = choices.map(({ model, tier, unavailable }) => {
    const button = unavailable
      ? `<button disabled>Make a key</button> <small>${toHtml(unavailable)}</small>`
      : '<button>Make a key</button>';
    return `<tr><td>${toHtml(model)}</td><td>${toHtml(tier)}</td><td><form method="post" action="/keys"><input type="hidden" name="model" value="${toHtml(model)}"><input type="hidden" name="tier" value="${toHtml(tier)}">${button}</form></td></tr>`;
  });
  return `<table><thead><tr><th>Model</th><th>Tier</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function revokeForm(id: string): string {
  return `<form method="post" action="/keys/${toHtml(id)}/revoke"><button>Revoke</button></form>`;
}

function warning(text: string | undefined): string {
  return text ? `<p class="warn">${toHtml(text)}</p>` : '';
}
