/** A proposal as the outside sees it. */
import { z } from 'zod';
import { PROPOSAL_KINDS, type Proposal } from '../membership/index.ts';
import { Instant } from './shape.ts';

export const ProposalShape = z
  .object({
    id: z.string(),
    kind: z.enum(PROPOSAL_KINDS),
    subject: z.string(),
    details: z.array(z.string()),
    askedBy: z.string(),
    askedAt: Instant,
    expiresAt: Instant,
    decided: z
      .object({ by: z.string(), at: Instant, outcome: z.enum(['agreed', 'done', 'refused', 'withdrawn']) })
      .nullable(),
  })
  .meta({ id: 'Proposal', description: 'what one person asked and another has to agree to' });

export function toProposal({ decided, ...it }: Proposal): z.input<typeof ProposalShape> {
  return {
    ...it,
    details: [...it.details],
    askedAt: it.askedAt.toISOString(),
    expiresAt: it.expiresAt.toISOString(),
    decided: decided ? { ...decided, at: decided.at.toISOString() } : null,
  };
}
