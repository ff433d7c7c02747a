/**
 * A party's page over HTTP, behind nothing but its link. GET changes nothing, because mail scanners follow links; an
 * answer is a POST of a form. The link is the authority, so a page of another site that does not know it can do nothing.
 */
import type { FastifyInstance } from 'fastify';
import type { MaintainerPages, PageRefusal } from '../coordination/index.ts';
import { toZoned } from '../lib/zoned-time.ts';
import { formOf, HTML, prepareFormScope } from './form-scope.ts';
import { renderMaintainerPage, renderNoPage } from './maintainer-page.ts';

const MAX_BODY_BYTES = 64 * 1024;

export async function addMaintainerRoutes(server: FastifyInstance, pages: MaintainerPages): Promise<void> {
  await server.register((scope, _options, done) => {
    prepareFormScope(scope, MAX_BODY_BYTES);
    scope.get<{ Params: { token: string } }>('/m/:token', async ({ params }, reply) => {
      const shown = await pages.open(params.token);
      if (!shown) return reply.code(404).type(HTML).send(renderNoPage());
      return reply.type(HTML).send(renderMaintainerPage(params.token, shown));
    });
    scope.post<{ Params: { token: string } }>('/m/:token', async ({ params, body }, reply) => {
      const form = formOf(body);
      const answered = await pages.answer(params.token, form);
      if (answered.ok) {
        return reply
          .type(HTML)
          .send(renderMaintainerPage(params.token, answered.value, { said: SAID[form.answer ?? ''] }));
      }
      const shown = await pages.open(params.token);
      if (!shown) return reply.code(404).type(HTML).send(renderNoPage());
      return reply
        .code(422)
        .type(HTML)
        .send(renderMaintainerPage(params.token, shown, { trouble: explain(answered.refusal) }));
    });
    done();
  });
}

const KEPT = 'Thank you: your answer is kept.';
const SAID: Readonly<Record<string, string>> = {
  'more-time':
    'Thank you: more time is proposed. Everybody who is bound by it has to agree; the page shows when they have.',
  'fixed-in': 'Thank you: the reproducer is run on that version now. Look again in a few minutes.',
  'not-a-bug': 'Thank you: a person reads your reason.',
  pace: KEPT,
  credit: KEPT,
  standing: KEPT,
  zone: 'Times are now shown in your zone, too.',
  bind: 'Thank you. What you need to know is shown below.',
  say: 'Said.',
};

/** Says what to do, and nothing of what the party may not see. */
function explain(refusal: PageRefusal): string {
  switch (refusal.kind) {
    case 'field-missing':
      return `Not kept: ${refusal.field} is missing.`;
    case 'no-version':
      return 'Not kept: that is no version. Write it as your package does, such as 1.2.3.';
    case 'no-deadline':
    case 'embargo-over':
      return 'Not kept: no private time runs that could be longer.';
    case 'beyond-policy':
      return `Not kept: the policy allows nothing beyond ${toZoned(refusal.limit, 'UTC')}.`;
    case 'same-end':
      return 'Not kept: the private time is as long as the policy allows already.';
    case 'bad-zone':
      return 'Not kept: that is no time zone. Write one such as Europe/Berlin.';
    case 'nothing-to-change':
      return 'It is so already.';
    case 'too-long':
    case 'too-many':
      return 'Not kept: it is too much for one case. Answer by mail.';
    default:
      return 'Not kept: it could not be understood, or is not yours to answer here.';
  }
}
