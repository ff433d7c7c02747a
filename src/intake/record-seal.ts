/** What of a record is sealed, and under which names, so that nothing opens as another record's. */
import type { Id } from '../lib/id.ts';
import type { Claim } from './claim.ts';

/** What is sealed as a record's claim. */
export interface Said {
  readonly claim: Claim | undefined;
  /** Of a rejection or a merge by likeness: what was seen. */
  readonly detail: string | undefined;
}

export const claimContext = (id: Id<'record'>): string => `intake.records/${id}/claim`;
export const originalContext = (id: Id<'record'>): string => `intake.records/${id}/original`;
export const partContext = (id: Id<'record'>, part: number): string => `intake.parts/${id}/${part}`;
