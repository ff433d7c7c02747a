/**
 * The one place where it is decided whether a request may reach its route: from this site, by a living session, not too
 * often, by a role that may. A route that does not say what it demands cannot be registered.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isSameOrigin, readSession, sendProblem } from '../http/index.ts';
import { createRate } from '../lib/rate.ts';
import type { Membership } from '../membership/index.ts';
import { ACT_NAMES, checkAct, type SignIn } from '../signin/index.ts';
import { type Access, type ApiCaller, ApiRefused } from './route.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

export interface GuardParts {
  readonly signIn: Pick<SignIn, 'whoIs'>;
  readonly membership: Pick<Membership, 'findPerson'>;
  /** As the browser's address bar shows it. */
  readonly origin: () => string;
  readonly monotonicMs: () => number;
}

/** Of one person. */
export const PERSON_LIMITS = { perSecond: 20, burst: 200, most: 10_000 };

const ACCESSES: ReadonlySet<unknown> = new Set<Access>([...ACT_NAMES, 'signed-in', 'everyone']);

/** Gives who calls; a route for everyone has nobody. */
export function guard(scope: FastifyInstance, parts: GuardParts): (request: FastifyRequest) => ApiCaller {
  const callers = new WeakMap<FastifyRequest, ApiCaller>();
  const rate = createRate(PERSON_LIMITS);

  scope.addHook('onRoute', ({ method, url, config }) => {
    if (!ACCESSES.has(config?.access)) throw new Error(`${method} ${url} does not say who may call it`);
  });

  scope.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isSameOrigin(request, parts.origin())) return sendProblem(reply, { kind: 'other-origin' });
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access === 'everyone') return;
    const caller = await whoCalls(parts, readSession(request));
    if (!caller || access === undefined) return sendProblem(reply, { kind: 'no-session' });
    const retryAfterSeconds = rate(caller.person.id, parts.monotonicMs());
    if (retryAfterSeconds !== undefined) return sendProblem(reply, { kind: 'too-many-requests', retryAfterSeconds });
    const refusal = access === 'signed-in' ? undefined : checkAct(caller.roles, caller.session, access);
    if (refusal) return sendProblem(reply, refusal);
    callers.set(request, caller);
  });

  return (request) => {
    const caller = callers.get(request);
    if (!caller) throw new ApiRefused({ kind: 'no-session' });
    return caller;
  };
}

async function whoCalls({ signIn, membership }: GuardParts, token: string | undefined): Promise<ApiCaller | undefined> {
  const present = token === undefined ? undefined : await signIn.whoIs(token);
  if (!present || token === undefined) return undefined;
  const person = await membership.findPerson(present.person.id);
  if (!person.ok || person.value.id !== present.person.id || person.value.standing !== 'active') return undefined;
  return { token, person: person.value, session: present.session, roles: present.roles };
}
