/**
 * The report form, and `security.txt` beside it. Anybody may send it: there is no session, so there is nothing that
 * another site could borrow. GET changes nothing. How often an address, and all of them, may send is limited in memory.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SECURITY_TXT_DAYS, toSecurityText } from '../formats/security-txt.ts';
import type { FormRefusal, Inbound, TurningAway } from '../inbound/index.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import { isLoopback } from '../lib/loopback.ts';
import { createRate } from '../lib/rate.ts';
import { formOf, HTML, prepareFormScope } from './form-scope.ts';
import {
  fieldName,
  type ReportPageFrame,
  renderFate,
  renderNoReport,
  renderReceipt,
  renderReportForm,
} from './report-page.ts';

export interface ReportRouteParts {
  readonly inbound: Pick<Inbound, 'stamp' | 'takeForm' | 'fateOf'>;
  readonly turnAway: TurningAway['add'];
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  /** As the browser's address bar shows it. */
  readonly origin: () => string;
  readonly frame: Omit<ReportPageFrame, 'hasKey'>;
  /** What something is encrypted to for us; undefined where there is no key. */
  readonly publicKeys: string | undefined;
}

const MAX_BODY_BYTES = 128 * 1024;
const TEXT = 'text/plain; charset=utf-8';
/** Reports of one address, and of all. */
const OF_ONE = { perSecond: 1 / 120, burst: 5, most: 10_000 };
const OF_ALL = { perSecond: 1, burst: 60, most: 1 };

export async function addReportRoutes(server: FastifyInstance, parts: ReportRouteParts): Promise<void> {
  const { inbound, clock, monotonicMs, origin, publicKeys } = parts;
  const frame = { ...parts.frame, hasKey: publicKeys !== undefined };
  const [ofOne, ofAll] = [createRate(OF_ONE), createRate(OF_ALL)];
  const showForm = (more?: Parameters<typeof renderReportForm>[2]) => renderReportForm(frame, inbound.stamp(), more);
  const mustWait = (request: FastifyRequest): number | undefined =>
    ofOne(addressOf(request), monotonicMs()) ?? ofAll('all', monotonicMs());
  await server.register((scope, _options, done) => {
    prepareFormScope(scope, MAX_BODY_BYTES);
    scope.get('/report', async (_request, reply) => reply.type(HTML).send(showForm()));
    scope.post('/report', async (request, reply) => {
      if (request.headers['sec-fetch-site'] === 'cross-site') {
        parts.turnAway('form', 'cross-site');
        return reply
          .code(403)
          .type(HTML)
          .send(showForm({ trouble: 'Not taken: the form of another site sent it.' }));
      }
      const filled = formOf(request.body);
      const wait = mustWait(request);
      if (wait !== undefined) {
        parts.turnAway('form', 'too-often');
        const trouble = `Not taken yet: too many reports at once. Send it again in ${wait} seconds, or by mail.`;
        return reply.code(429).header('retry-after', wait).type(HTML).send(showForm({ filled, trouble }));
      }
      const taken = await inbound.takeForm(filled);
      if (taken.ok) return reply.code(201).type(HTML).send(renderReceipt(taken.value));
      parts.turnAway('form', taken.refusal.kind);
      return reply
        .code(422)
        .type(HTML)
        .send(showForm({ filled, trouble: explain(taken.refusal) }));
    });
    scope.get('/report/key.txt', async (_request, reply) =>
      reply
        .code(publicKeys === undefined ? 404 : 200)
        .type(TEXT)
        .send(publicKeys ?? 'There is no key.\n'),
    );
    scope.get<{ Params: { token: string } }>('/report/:token', async ({ params }, reply) => {
      const fate = await inbound.fateOf(params.token);
      return reply
        .code(fate ? 200 : 404)
        .type(HTML)
        .send(fate ? renderFate(fate) : renderNoReport());
    });
    scope.get('/.well-known/security.txt', async (_request, reply) => {
      const expires = addDays(clock.now(), SECURITY_TXT_DAYS);
      const at = (path: string): string => `${origin()}${path}`;
      // Addresses in it begin with https (RFC 9116): on loopback alone there is only whom to write to.
      const isReachable = origin().startsWith('https://');
      const own = isReachable && {
        canonical: at('/.well-known/security.txt'),
        policy: at('/report'),
        ...(frame.hasKey && { encryption: at('/report/key.txt') }),
      };
      const contacts = [...(isReachable ? [at('/report')] : []), ...(frame.contact ? [frame.contact] : [])];
      if (contacts.length === 0) return reply.code(404).type(TEXT).send('Nobody has said yet whom to write to.\n');
      return reply.type(TEXT).send(toSecurityText({ contacts, expires, ...own }));
    });
    done();
  });
}

/** Behind a proxy of this machine, whom the proxy saw; addresses of one IPv6 network are one. */
function addressOf({ socket, headers }: FastifyRequest): string {
  const own = socket.remoteAddress ?? '';
  const forwarded = [headers['x-forwarded-for']].flat().at(-1)?.split(',').at(-1)?.trim();
  const address = isLoopback(own) && forwarded ? forwarded : own;
  return address.includes(':') && !address.startsWith('::ffff:') ? address.split(':').slice(0, 4).join(':') : address;
}

function explain(refusal: FormRefusal): string {
  switch (refusal.kind) {
    case 'field-missing':
      return `Not taken: “${fieldName(refusal.field)}” is empty.`;
    case 'field-too-long':
      return `Not taken: “${fieldName(refusal.field)}” has at most ${refusal.limit} characters.`;
    case 'no-address':
      return 'Not taken: that is no mail address. Leave it empty if you want no answer.';
    case 'too-fast':
      return `Not taken yet: send it again in ${refusal.waitSeconds} seconds.`;
    case 'too-late':
    case 'no-person':
      return 'Not taken yet: the form was too old. It is fresh now; look through it and send it again.';
  }
}
