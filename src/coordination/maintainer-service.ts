/**
 * The page of one party: read by whoever has its link, through the one view that is told who asks; answered by a form.
 * Reading changes nothing. An answer is kept as a change of the case; what it claims is checked by machine, as a job.
 */
import { termsOf } from '../disclosure/index.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as inTransaction } from '../store/decide.ts';
import { addJob } from '../store/jobs.ts';
import {
  type CaseContent,
  type Coordination,
  type CoordinationRefusal,
  contentOf,
  createProposalId,
  type Shared,
} from './coordination.ts';
import type { Links } from './link-service.ts';
import { type AnswerForm, type AnswerRefusal, readAnswer } from './maintainer-answer.ts';
import type { ParticipantId } from './participant.ts';
import { type PartyView, viewFor } from './view.ts';

/** Runs the reproducer on the version that an answer calls fixed. */
export const CHECK_FIX_JOB = 'coordination.check-fix';

export interface PageParts {
  readonly database: Database;
  readonly random: RandomBytes;
  readonly links: Pick<Links, 'find'>;
  readonly coordination: Pick<Coordination, 'findIn' | 'changeIn'>;
}

export interface PartyPage {
  readonly caseId: string;
  readonly isDemonstration: boolean;
  readonly now: Date;
  /** Since when the clock is doubted that deadlines obey, if it is. */
  readonly view: PartyView<CaseContent>;
}

export type PageRefusal = AnswerRefusal | CoordinationRefusal | { readonly kind: 'no-such-page' };

export type MaintainerPages = ReturnType<typeof createMaintainerPages>;

export function createMaintainerPages(parts: PageParts) {
  const { database } = parts;
  return {
    /** Undefined for a token that is unknown, expired or revoked, and for who takes no part any more: all alike. */
    open: (token: string): Promise<PartyPage | undefined> =>
      database.transaction(async (tx) => {
        const found = await find(tx, parts, token);
        return found && toPage(found.shared, found.who);
      }),

    /** Keeps an answer, and has its claim checked. Tells the page as it is afterwards. */
    answer: (token: string, form: AnswerForm): Promise<Result<PartyPage, PageRefusal>> =>
      inTransaction(database, async (tx) => {
        const found = await find(tx, parts, token);
        return found ? keepAnswer(tx, parts, found, form) : refuse<PageRefusal>({ kind: 'no-such-page' });
      }),

    /** The same without a link, for an answer that was matched to this party in another way; kept whole or not at all. */
    async answerIn(tx: Transaction, caseId: string, who: ParticipantId, form: AnswerForm): Promise<boolean> {
      const shared = await parts.coordination.findIn(tx, caseId);
      if (!shared) return false;
      await tx.query('savepoint answer', []);
      const kept = await keepAnswer(tx, parts, { shared, who }, form);
      if (!kept.ok) await tx.query('rollback to savepoint answer', []);
      return kept.ok;
    },
  };
}

interface Found {
  readonly shared: Shared;
  readonly who: ParticipantId;
}

async function find(tx: Transaction, { links, coordination }: PageParts, token: string): Promise<Found | undefined> {
  const link = await links.find(tx, token);
  const shared = link && (await coordination.findIn(tx, link.caseId));
  return shared && { shared, who: link.partyId };
}

function toPage({ opened, it, now }: Shared, who: ParticipantId): PartyPage | undefined {
  const view = viewFor(it, contentOf(opened), who);
  return view && { caseId: opened.case.id, isDemonstration: opened.case.kind === 'demonstration', now, view };
}

async function keepAnswer(
  tx: Transaction,
  { coordination, random }: PageParts,
  { shared, who }: Found,
  form: AnswerForm,
): Promise<Result<PartyPage, PageRefusal>> {
  const { case: it } = shared.opened;
  const read = readAnswer(form, { who, agreement: termsOf(it), proposal: createProposalId(random) });
  if (!read.ok) return read;
  let after = shared;
  for (const change of read.value) {
    const made = await coordination.changeIn(tx, it.id, change, who);
    if (!made.ok) return made;
    after = made.value;
    if (change.kind === 'answered' && change.what === 'fixed-in') {
      await addJob(tx, CHECK_FIX_JOB, { case: it.id, party: who }, { key: `check-fix ${it.id} ${who}` });
    }
  }
  const page = toPage(after, who);
  return page ? ok(page) : refuse({ kind: 'no-such-page' });
}
