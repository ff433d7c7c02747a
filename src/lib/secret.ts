/** Text that no log, error or JSON shows by accident: it is had only by asking for it. */

export interface Secret {
  readonly reveal: () => string;
}

export const toSecret = (text: string): Secret => ({ reveal: () => text });
