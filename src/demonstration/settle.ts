/** A refusal in the middle of the demonstration ends it: nothing of it may be shown as if it had worked. */
import type { Result } from '../lib/result.ts';

export function settle<T>(outcome: Result<T, object>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`the demonstration was refused: ${JSON.stringify(outcome.refusal).slice(0, MAX_TOLD_CHARS)}`);
}

const MAX_TOLD_CHARS = 600;
