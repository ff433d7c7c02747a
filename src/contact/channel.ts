/**
 * The ways out, and what each may carry. Only what is real all through may leave: every channel but `file` takes a
 * `RealMatter`, looks at it again (a type does not survive a cast), and the table refuses any other row.
 */

export type Channel = 'file' | RealChannel;

/** Channels at whose other end is somebody. */
export type RealChannel = 'smtp' | 'github-report' | 'github-advisory' | 'github-issue' | 'vince' | 'webhook';

/** What a message is about: a case, as far as this module knows it. */
export interface Matter {
  readonly id: `case_${string}`;
  /** A demonstration has a simulated party or a simulated clock. */
  readonly kind: 'real' | 'demonstration';
  readonly time: 'real' | 'compressed';
  readonly parties: readonly { readonly simulated: boolean }[];
}

/** The only kind of matter a real channel takes. */
export type RealMatter = Matter & { readonly kind: 'real'; readonly time: 'real' };

export function isRealMatter(it: Matter): it is RealMatter {
  return it.kind === 'real' && it.time === 'real' && it.parties.every(({ simulated }) => !simulated);
}

/** What became of one attempt, as far as the sender can know. */
export type Delivery =
  /** The other side said that it has it; `remote` is its name there. */
  | { readonly kind: 'delivered'; readonly remote: string | null }
  /** It was understood and refused. Trying again changes nothing. */
  | { readonly kind: 'declined'; readonly reason: string }
  /** It certainly did not arrive. */
  | { readonly kind: 'not-delivered'; readonly reason: string; readonly retryAfterMs?: number }
  /** It may have arrived. Only reading back tells. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** What the other side shows of a message whose fate is unknown. */
export type ReadBack =
  | { readonly kind: 'there'; readonly remote: string | null }
  /** Everything was looked through, back to before the attempt. */
  | { readonly kind: 'absent' }
  /** `isForGood`: this channel can never show that it is absent. */
  | { readonly kind: 'cannot-say'; readonly reason: string; readonly isForGood: boolean };

/** A client of one remote system. */
export interface Carrier<Letter> {
  /**
   * After so long an attempt is over and its effect visible, or it never will be. Longer than any attempt lasts: what
   * is not seen before then may be on its way.
   */
  readonly settleMs: number;
  /** One attempt. Never throws for what the other side does. */
  send(it: RealMatter, letter: Letter): Promise<Delivery>;
  /** `since`: the beginning of the attempt. */
  readBack(it: RealMatter, letter: Letter, since: Date): Promise<ReadBack>;
}
