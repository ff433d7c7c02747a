/** What came back by mail: the word of strangers, matched to what was sent. */
import { z } from 'zod';
import type { Answers } from '../contact/index.ts';
import { ApiRefused, type ApiRoute, route } from './route.ts';
import { Instant, idOf } from './shape.ts';

export interface AnswerRouteParts {
  readonly answers: Pick<Answers, 'list' | 'read'>;
  /** What is claimed of the sender of an answer; undefined where nobody looked. */
  readonly claimsOfAnswer: (id: string) => Promise<string | undefined>;
}

const AnswerShape = z
  .object({
    id: z.string(),
    kind: z.string(),
    case: z.string().nullable(),
    message: z.string().nullable(),
    state: z.enum(['kept', 'done']),
    receivedAt: Instant,
  })
  .meta({ id: 'Answer', description: 'a mail that came back; kept: a person has to read it' });

export function answerRoutes({ answers, claimsOfAnswer }: AnswerRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/answers',
      access: 'see-cases',
      summary: 'Mail that came back, the newest first',
      query: z.strictObject({ which: z.enum(['kept', 'all']).default('kept') }),
      answer: z.object({ items: z.array(AnswerShape) }),
      handle: async ({ query: { which } }) => ({
        items: (await answers.list(which)).map(({ id, kind, caseId, messageId, state, receivedAt }) => ({
          ...{ id, kind, case: caseId, message: messageId, state },
          receivedAt: receivedAt.toISOString(),
        })),
      }),
    }),
    route({
      method: 'POST',
      url: '/answers/:answer/read',
      access: 'work-cases',
      summary: 'One mail as text; it is then read, and the history of its case says so',
      path: z.object({ answer: idOf('answer') }),
      answer: z.object({
        id: z.string(),
        case: z.string().nullable(),
        from: z.string().nullable().describe('as it claims'),
        subject: z.string(),
        text: z.string().describe('to be shown escaped and never believed'),
        attachments: z.array(z.object({ name: z.string(), bytes: z.int() })).describe('named and counted, not opened'),
        encrypted: z.enum(['opened', 'closed']).nullable(),
        mayBePublic: z.boolean().describe('it reads as if the flaw were public: a person decides'),
        senderClaims: z.string().nullable().describe('claims, no proofs'),
      }),
      handle: async ({ path }) => {
        const found = await answers.read(path.answer);
        if (!found) throw new ApiRefused({ kind: 'no-such-answer', id: path.answer });
        const { id, caseId, from, subject, text, attachments, encrypted, mayBePublic } = found;
        const senderClaims = (await claimsOfAnswer(id)) ?? null;
        return {
          ...{ id, case: caseId, from, subject, text, encrypted, mayBePublic, senderClaims },
          attachments: [...attachments],
        };
      },
    }),
  ];
}
