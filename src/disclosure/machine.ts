/** A small state machine as a list of arrows. What no arrow allows is refused. */
import { ok, type Result, refuse } from '../lib/result.ts';

export interface Arrow<State extends string, Event extends string> {
  readonly from: State;
  readonly event: Event;
  readonly to: State;
}

export interface NoArrow {
  readonly kind: 'no-arrow';
  readonly machine: 'report' | 'embargo' | 'case';
  readonly state: string;
  readonly event: string;
}

export function follow<State extends string, Event extends string>(
  machine: NoArrow['machine'],
  arrows: readonly Arrow<State, Event>[],
  state: State,
  event: Event,
): Result<State, NoArrow> {
  const arrow = arrows.find(({ from, event: label }) => from === state && label === event);
  return arrow ? ok(arrow.to) : refuse({ kind: 'no-arrow', machine, state, event });
}

/** Several events in a row; the first that is refused refuses all. */
export function followAll<State, Event>(
  step: (state: State, event: Event) => Result<State, NoArrow>,
  state: State,
  events: readonly Event[],
): Result<State, NoArrow> {
  let current = state;
  for (const event of events) {
    const next = step(current, event);
    if (!next.ok) return next;
    current = next.value;
  }
  return ok(current);
}
