/** The cookies of a browser here. No script can read them, and no other site can make the browser send them with a POST. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_HOURS } from '../signin/index.ts';

const SESSION = 'headstart-session';

export const readSession = (request: FastifyRequest): string | undefined => readCookie(request, SESSION);

export function setSession(reply: FastifyReply, token: string, origin: string): void {
  setCookie(reply, SESSION, token, SESSION_HOURS * 3_600, origin);
}

export function endSession(reply: FastifyReply, origin: string): void {
  setCookie(reply, SESSION, '', 0, origin);
}

export function readCookie(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [found, value] = pair.trim().split('=', 2);
    if (found === name && value) return value;
  }
  return undefined;
}

export function setCookie(reply: FastifyReply, name: string, value: string, seconds: number, origin: string): void {
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  reply.header('set-cookie', [
    ...[reply.getHeader('set-cookie') ?? []].flat().map(String),
    `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`,
  ]);
}

/** A change is made from a page of this very site, or not at all. */
export function isSameOrigin({ method, headers }: FastifyRequest, origin: string): boolean {
  return method === 'GET' || method === 'HEAD' || headers.origin === origin;
}
