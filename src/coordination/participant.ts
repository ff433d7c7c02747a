/** Who takes part in a case, where each stands with the flaw, and what there is to know. */
import type { Id } from '../lib/id.ts';

export type ParticipantId = Id<'party'>;
export type ThreadId = Id<'thread'>;
export type ProposalId = Id<'proposal'>;

export const ROLES = ['vendor', 'maintainer', 'downstream', 'coordinator', 'finder'] as const;
export type Role = (typeof ROLES)[number];

/** What each says of its own product. Silence is said to be silence, never taken for "not affected". */
export const STANDINGS = ['no-answer', 'not-affected', 'investigating', 'affected', 'fixing', 'fixed'] as const;
export type Standing = (typeof STANDINGS)[number];

/** What can be known of a case, each by itself. Threads are known by being in them. */
export const MATTERS = ['flaw', 'reproducer', 'patch', 'deadline', 'parties'] as const;
export type Matter = (typeof MATTERS)[number];

/** What whoever gets a report is told by it. */
export const TOLD_BY_REPORT: readonly Matter[] = ['flaw', 'reproducer', 'patch', 'deadline'];

export interface Participant {
  readonly id: ParticipantId;
  readonly role: Role;
  readonly name: string;
  /** Of the IANA database; deadlines are shown in it, too. */
  zone: string;
  standing: Standing;
  standingAt: Date | null;
  /**
   * `invited`: knows that there is a case and until when it would have to keep silent. `bound`: has agreed to that, and
   * sees what it needs. `left`: sees nothing any more.
   */
  stance: 'invited' | 'bound' | 'left';
  readonly joinedAt: Date;
  readonly needs: Set<Matter>;
}

export const isOneOf = <T extends string>(list: readonly T[], text: string): text is T =>
  list.some((each) => each === text);
