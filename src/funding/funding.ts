/**
 * Money for maintainers' time: one person proposes who gets what and why, two others approve, and then it is posted in the
 * ledger, each line once. The public accounts are made from the ledger alone.
 *
 *   proposed ──▶ approved by two ──▶ posted
 *       └──────────────┴──▶ refused
 */
import { createHmac } from 'node:crypto';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import type { Vault } from '../store/vault.ts';
import { createFundingStore, type FundProposalId, type StoredProposal } from './funding-store.ts';
import { type Given, type PublicAccounts, publicAccounts } from './public-account.ts';

export interface FundingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'derive' | 'sealUnder' | 'openUnder'>;
  readonly ledger: Pick<Ledger, 'donate' | 'donations'>;
  /** Projects of which a case was published and none is open. */
  readonly nameable: () => Promise<ReadonlySet<string>>;
  /** Below the public directory. */
  readonly writePublic: (path: string, text: string) => Promise<void>;
}

export interface FundLine {
  readonly project: string;
  readonly micro: number;
}

export interface FundProposal {
  readonly id: FundProposalId;
  readonly proposedBy: string;
  readonly proposedAt: Date;
  readonly why: string;
  readonly micro: number;
  readonly lines: readonly FundLine[];
  readonly approvedBy: readonly string[];
  readonly state: 'proposed' | 'approved' | 'posted' | 'refused';
}

export type FundingRefusal =
  | { readonly kind: 'no-such-proposal'; readonly id: string }
  /** Nobody approves what he asked for. */
  | { readonly kind: 'own-proposal' }
  | { readonly kind: 'over'; readonly state: 'posted' | 'refused' }
  | { readonly kind: 'not-approved'; readonly by: readonly string[] };

export type Funding = ReturnType<typeof createFunding>;

/** Persons, neither of them the one who proposed. */
export const APPROVALS = 2;
const SEALED_USE = 'funding/proposals';
const NAME_USE = 'funding/project-names';
const ACCOUNTS_FILE = 'accounts.json';

export function createFunding(parts: FundingParts) {
  const { database } = parts;
  return {
    async propose(lines: readonly FundLine[], why: string, by: string): Promise<FundProposal> {
      const id = createId('fund', parts.random);
      const micro = lines.reduce((sum, line) => sum + line.micro, 0);
      const sealed = parts.vault.sealUnder(SEALED_USE, Buffer.from(JSON.stringify({ why, lines })), id);
      const proposedAt = parts.clock.now();
      await createFundingStore(database).insert({ id, proposedBy: by, proposedAt, micro, sealed });
      return { id, proposedBy: by, proposedAt, why, micro, lines, approvedBy: [], state: 'proposed' };
    },

    list: async (): Promise<readonly FundProposal[]> =>
      (await createFundingStore(database).list()).map((each) => toProposal(parts, each)),

    approve: (id: string, person: string): Promise<Result<FundProposal, FundingRefusal>> =>
      decide(database, (tx) => approve(tx, parts, id, person)),

    refuse: (id: string, person: string): Promise<Result<FundProposal, FundingRefusal>> =>
      decide(database, async (tx) => {
        const store = createFundingStore(tx);
        const found = await getOpen(tx, parts, id);
        if (!found.ok) return found;
        await store.markRefused(id, person, parts.clock.now());
        return ok({ ...found.value, state: 'refused' as const });
      }),

    post: (id: string): Promise<Result<FundProposal, FundingRefusal>> => post(parts, id),

    /** What every project was given, by name: for the operator. */
    given: (): Promise<ReadonlyMap<string, number>> => given(parts),

    /** Writes the public accounts from the ledger. */
    publish: (): Promise<PublicAccounts> => publish(parts),
  };
}

function toProposal({ vault }: FundingParts, stored: StoredProposal): FundProposal {
  const { id, proposedBy, proposedAt, micro, approvedBy, sealed, postedAt, refusedAt } = stored;
  const text = vault.openUnder(SEALED_USE, sealed, id).toString('utf8');
  const open = approvedBy.length >= APPROVALS ? 'approved' : 'proposed';
  const state = postedAt ? 'posted' : refusedAt ? 'refused' : open;
  return {
    id,
    proposedBy,
    proposedAt,
    micro,
    approvedBy,
    state,
    ...(JSON.parse(text) as Pick<FundProposal, 'why' | 'lines'>),
  };
}

async function getOpen(
  tx: Transaction,
  parts: FundingParts,
  id: string,
): Promise<Result<FundProposal, FundingRefusal>> {
  const stored = await createFundingStore(tx).lock(id);
  if (!stored) return refuse({ kind: 'no-such-proposal', id });
  const found = toProposal(parts, stored);
  if (found.state === 'posted' || found.state === 'refused') return refuse({ kind: 'over', state: found.state });
  return ok(found);
}

async function approve(
  tx: Transaction,
  parts: FundingParts,
  id: string,
  person: string,
): Promise<Result<FundProposal, FundingRefusal>> {
  const found = await getOpen(tx, parts, id);
  if (!found.ok) return found;
  if (found.value.proposedBy === person) return refuse({ kind: 'own-proposal' });
  await createFundingStore(tx).approve(id, person, parts.clock.now());
  const approvedBy = [...new Set([...found.value.approvedBy, person])];
  return ok({ ...found.value, approvedBy, state: approvedBy.length >= APPROVALS ? 'approved' : 'proposed' });
}

/**
 * Posted twice it is posted once: each line has its own request in the ledger, so what was interrupted is completed. The
 * proposal is held meanwhile; of two that post at once the second finds it posted.
 */
async function post(parts: FundingParts, id: string): Promise<Result<FundProposal, FundingRefusal>> {
  return await decide(parts.database, async (tx) => {
    const found = await getOpen(tx, parts, id);
    if (!found.ok) return found;
    const { value: proposal } = found;
    if (proposal.state !== 'approved') return refuse({ kind: 'not-approved', by: proposal.approvedBy });
    for (const [index, { project, micro }] of proposal.lines.entries()) {
      if (micro === 0) continue;
      const account = await keepAccount(parts, project);
      await parts.ledger.donate(account, micro, `proposal ${id}`, sha256(`${id}\0${index}`));
    }
    await createFundingStore(tx).markPosted(id, parts.clock.now());
    return ok({ ...proposal, state: 'posted' as const });
  });
}

/** The name under which the ledger keeps a project that may have open cases. */
async function keepAccount({ database, vault }: FundingParts, project: string): Promise<string> {
  const hmac = createHmac('sha256', vault.derive('funding/project')).update(project).digest('hex');
  const id = `project_${hmac.slice(0, 32)}`;
  await createFundingStore(database).keepProject(id, vault.sealUnder(NAME_USE, Buffer.from(project), id));
  return id;
}

async function given({ database, vault, ledger }: FundingParts): Promise<ReadonlyMap<string, number>> {
  const kept = new Map((await createFundingStore(database).listProjects()).map(({ id, name }) => [id, name]));
  const sums = new Map<string, number>();
  for (const [account, micro] of await ledger.donations()) {
    const sealed = kept.get(account);
    const project = sealed ? vault.openUnder(NAME_USE, sealed, account).toString('utf8') : account;
    sums.set(project, (sums.get(project) ?? 0) + micro);
  }
  return sums;
}

async function publish(parts: FundingParts): Promise<PublicAccounts> {
  const nameable = await parts.nameable();
  const sums = await given(parts);
  return await parts.database.transaction(async (tx) => {
    const store = createFundingStore(tx);
    await store.lockNamed();
    const named = await store.listNamed();
    const lines = [...sums].map(
      ([project, micro]): Given => ({
        project,
        micro,
        isNameable: nameable.has(project),
        namedMicro: named.get(project) ?? 0,
      }),
    );
    const accounts = publicAccounts(lines);
    for (const { project, micro } of accounts.projects) await store.saveNamed(project, micro);
    const { projects, unnamed, totalMicro } = accounts;
    const document = { currency: 'USD', unit: 'micro-dollars', projects, unnamed, totalMicro };
    await parts.writePublic(ACCOUNTS_FILE, `${JSON.stringify(document, null, 2)}\n`);
    return accounts;
  });
}
