/**
 * Invitation, sign-in and keys over HTTP. Every change needs the page's own origin; the session is a cookie that no script
 * can read and no other site can make the browser send with a POST.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { needsResistance, type Present, type SignIn, type SignInRefusal } from '../signin/index.ts';
import { sendProblem, toProblem } from './problem.ts';
import { endSession, isSameOrigin, readCookie, readSession, setCookie, setSession } from './session-cookie.ts';
import {
  type KeyChoice,
  type KeyLine,
  type NewKey,
  renderAway,
  renderJoin,
  renderKeys,
  renderRecover,
  renderSignIn,
  renderTrouble,
} from './signin-page.ts';

const STATE = 'headstart-login';
const STATE_SECONDS = 600;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_FIELD = 512;

/** Keys as a person sees their own. */
export interface KeyDesk {
  list(person: string): Promise<readonly KeyLine[]>;
  choices(person: string): Promise<readonly Omit<KeyChoice, 'unavailable'>[]>;
  /** Undefined where nothing of the kind is granted. */
  create(person: string, model: string, tier: string): Promise<NewKey | undefined>;
  /** False where it is not a key of this person. */
  revoke(person: string, key: string): Promise<boolean>;
}

export interface SignInRouteParts {
  readonly signIn: SignIn;
  readonly keys: KeyDesk;
  /** As the browser's address bar shows it. */
  readonly origin: () => string;
}

export async function addSignInRoutes(server: FastifyInstance, parts: SignInRouteParts): Promise<void> {
  const script = await readFile(join(import.meta.dirname, 'passkey-browser.js'));
  await server.register((scope, _options, done) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
      (_request, body, parsed) => parsed(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    scope.addHook('onRequest', async (request, reply) => {
      if (isSameOrigin(request, parts.origin())) return;
      await sendProblem(reply, { kind: 'other-origin' });
    });
    scope.addHook('onSend', async (_request, reply) => {
      // With no-referrer a browser hides the origin of a form even from its own site. The path stays hidden from others.
      reply.header('referrer-policy', 'same-origin');
      reply.header(
        'content-security-policy',
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      );
    });
    scope.get('/passkey.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(script));
    addJoining(scope, parts);
    addSignIn(scope, parts);
    addProvider(scope, parts);
    addKeys(scope, parts);
    done();
  });
}

function addJoining(scope: FastifyInstance, { signIn, origin }: SignInRouteParts): void {
  scope.get<{ Params: { token: string } }>('/join/:token', async (request, reply) => {
    const invitation = await signIn.findInvitation(request.params.token);
    const offered = invitation && (await signIn.offerEnrolment(invitation));
    if (!offered?.ok) {
      return html(
        reply.code(404),
        renderTrouble('Join', 'This link was used, replaced, or is too old. Ask for a new one.'),
      );
    }
    return html(reply, renderJoin(request.params.token, offered.value.options.user.name));
  });
  scope.post<{ Params: { token: string } }>('/join/:token/options', async (request, reply) => {
    const invitation = await signIn.findInvitation(request.params.token);
    const offered = invitation && (await signIn.offerEnrolment(invitation));
    return offered?.ok ? offered.value : sendProblem(reply, { kind: 'invitation-over' });
  });
  scope.post('/join/passkey', async (request, reply) => {
    const { id, response } = readAnswer(request.body);
    const enrolled = await signIn.enrol(id, response as Parameters<SignIn['enrol']>[1]);
    if (!enrolled.ok) return sendProblem(reply, enrolled.refusal);
    setSession(reply, enrolled.value.token, origin());
    return { next: '/keys', codes: enrolled.value.codes };
  });
  scope.get('/recover', (_request, reply) => html(reply, renderRecover()));
  scope.post('/recover', async (request, reply) => {
    const { email, code } = readForm(request.body);
    const token = await signIn.recover(email ?? '', code ?? '');
    if (!token.ok) return html(reply.code(403), renderRecover(explain(token.refusal)));
    return reply.redirect(`/join/${token.value}`, 303);
  });
}

function addSignIn(scope: FastifyInstance, { signIn, origin }: SignInRouteParts): void {
  scope.get('/signin', (_request, reply) => html(reply, renderSignIn()));
  scope.post('/signin/passkey/options', () => signIn.offerSignIn());
  scope.post('/signin/passkey', async (request, reply) => {
    const { id, response } = readAnswer(request.body);
    const token = await signIn.signIn(id, response as Parameters<SignIn['signIn']>[1]);
    if (!token.ok) return sendProblem(reply, token.refusal);
    setSession(reply, token.value, origin());
    return { next: '/keys' };
  });
  scope.post('/signout', async (request, reply) => {
    const token = readSession(request);
    if (token) await signIn.signOut(token);
    endSession(reply, origin());
    return reply.redirect('/signin', 303);
  });
}

function addProvider(scope: FastifyInstance, { signIn, origin }: SignInRouteParts): void {
  scope.post('/signin/provider', async (request, reply) => {
    const { email } = readForm(request.body);
    const begun = await signIn.beginAtProvider(email ?? '');
    if (!begun.ok) return html(reply.code(403), renderSignIn(explain(begun.refusal)));
    setCookie(reply, STATE, begun.value.state, STATE_SECONDS, origin());
    return html(reply, renderAway(begun.value.url));
  });
  scope.get('/signin/provider/callback', async (request, reply) => {
    const state = readCookie(request, STATE) ?? '';
    setCookie(reply, STATE, '', 0, origin());
    const token = await signIn.finishAtProvider(new URL(request.url, origin()).search.slice(1), state);
    if (!token.ok) return html(reply.code(403), renderSignIn(explain(token.refusal)));
    setSession(reply, token.value, origin());
    return reply.redirect('/keys', 303);
  });
}

function addKeys(scope: FastifyInstance, { signIn, keys, origin }: SignInRouteParts): void {
  const whoIs = (request: FastifyRequest) => signIn.whoIs(readSession(request));
  const show = async ({ person, session }: Present, more: { created?: NewKey; trouble?: string } = {}) =>
    renderKeys({
      email: person.email,
      keys: await keys.list(person.id),
      choices: (await keys.choices(person.id)).map((choice) => ({
        ...choice,
        unavailable:
          needsResistance(choice.tier) && !session.isResistant ? 'needs a sign-in with a passkey' : undefined,
      })),
      ...more,
    });

  scope.get('/keys', async (request, reply) => {
    const present = await whoIs(request);
    return present ? html(reply, await show(present)) : reply.redirect('/signin', 303);
  });
  scope.post('/keys', async (request, reply) => {
    const present = await whoIs(request);
    if (!present) return reply.redirect('/signin', 303);
    const { model = '', tier = '' } = readForm(request.body);
    if (needsResistance(tier) && !present.session.isResistant) {
      return html(
        reply.code(403),
        await show(present, { trouble: `a key of tier ${tier} needs a sign-in with a passkey` }),
      );
    }
    const created = await keys.create(present.person.id, model, tier);
    if (!created)
      return html(reply.code(403), await show(present, { trouble: 'nothing of the kind is granted to you' }));
    return html(reply, await show(present, { created }));
  });
  scope.post<{ Params: { id: string } }>('/keys/:id/revoke', async (request, reply) => {
    const present = await whoIs(request);
    if (!present) return reply.redirect('/signin', 303);
    const isOwn = await keys.revoke(present.person.id, request.params.id);
    if (!isOwn) return html(reply.code(404), await show(present, { trouble: 'you have no such key' }));
    return reply.redirect(`${origin()}/keys`, 303);
  });
}

function html(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text);
}

function readAnswer(body: unknown): { readonly id: string; readonly response: object } {
  const { id, response } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return {
    id: typeof id === 'string' ? id.slice(0, MAX_FIELD) : '',
    response: typeof response === 'object' && response !== null ? response : {},
  };
}

function readForm(body: unknown): Readonly<Partial<Record<string, string>>> {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  return Object.fromEntries(fields.map(([name, value]) => [name, String(value).slice(0, MAX_FIELD).trim()]));
}

const explain = (refusal: SignInRefusal): string => toProblem(refusal).detail;
