/**
 * What the public may read of donations. That a project was given money by its need tells that flaws are open there, so a
 * project is named only when a case of it was published and none is open; until then its sum stands among at least
 * `FEWEST_UNNAMED` others, or nowhere. What was named once stays named, with the sum it was named with: a name that goes,
 * or a sum that grows while a case is open, would tell of it. Pure.
 */
export interface Given {
  readonly project: string;
  readonly micro: number;
  /** A case of it was published, and none is open. */
  readonly isNameable: boolean;
  /** As the accounts named it last; 0 where they never did. */
  readonly namedMicro: number;
}

export interface PublicAccounts {
  readonly projects: readonly { readonly project: string; readonly micro: number }[];
  /** Null where they are too few to stand together. */
  readonly unnamed: { readonly projects: number; readonly micro: number } | null;
  readonly totalMicro: number;
}

/** Fewer could be told apart. */
export const FEWEST_UNNAMED = 5;

export function publicAccounts(given: readonly Given[]): PublicAccounts {
  const shown = given.map((it) => ({
    ...it,
    shownMicro: it.isNameable ? it.micro : Math.min(it.namedMicro, it.micro),
  }));
  const projects = shown
    .filter(({ shownMicro }) => shownMicro > 0)
    .map(({ project, shownMicro }) => ({ project, micro: shownMicro }))
    .sort((one, other) => other.micro - one.micro || (one.project < other.project ? -1 : 1));
  const hidden = shown.filter(({ micro, shownMicro }) => micro > shownMicro);
  const hiddenMicro = hidden.reduce((sum, { micro, shownMicro }) => sum + micro - shownMicro, 0);
  const unnamed = hidden.length >= FEWEST_UNNAMED ? { projects: hidden.length, micro: hiddenMicro } : null;
  const namedMicro = projects.reduce((sum, { micro }) => sum + micro, 0);
  return { projects, unnamed, totalMicro: namedMicro + (unnamed?.micro ?? 0) };
}
