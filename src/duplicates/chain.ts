/**
 * Chains: several findings that, one after the other, would carry an attacker further than each alone.
 *
 * A link says only which *capability* its finding takes for granted, which one it gives, and at which *position* (the
 * side of which boundary). It holds no reproducer and no payload, and no function here takes one: each link is shown by its
 * own harmless oracle, and links are never joined into something that works from end to end.
 */

/** What an attacker can do, weakest first; a chain is worth what it ends with. */
export const CAPABILITIES = [
  'reach-input',
  'learn-layout',
  'read-memory',
  'read-file',
  'act-as-user',
  'write-file',
  'write-memory',
  'run-code',
  'cross-boundary',
  'act-as-administrator',
] as const;

export type Capability = (typeof CAPABILITIES)[number];

export interface Hold {
  readonly capability: Capability;
  /** Name of a component or of a side of a boundary: `parser`, `renderer`, `host`. */
  readonly position: string;
}

export interface Link {
  readonly findingId: string;
  readonly project: string;
  readonly needs: Hold;
  readonly gives: Hold;
  /** 0 to 10: the finding's own score. */
  readonly score: number;
}

export interface Chain {
  readonly links: readonly Link[];
  /** 0 to 10: its own, and never less than that of its gravest link. */
  readonly priority: number;
  readonly reasons: readonly string[];
}

/** Links of one chain at most, and chains found at most. */
const MAX_LINKS = 5;
const MAX_CHAINS = 1_000;

/** What every attacker starts with. */
export const OUTSIDE: Hold = { capability: 'reach-input', position: 'outside' };

/** All chains of two or more links that start outside and repeat no finding, gravest first. */
export function findChains(links: readonly Link[]): readonly Chain[] {
  const byNeed = Map.groupBy(links, ({ needs }) => holdKey(needs));
  const chains: Chain[] = [];
  const extend = (path: readonly Link[], at: Hold): void => {
    if (path.length >= 2) chains.push(toChain(path));
    if (path.length >= MAX_LINKS) return;
    for (const link of byNeed.get(holdKey(at)) ?? []) {
      if (chains.length >= MAX_CHAINS) return;
      const isCircle = path.some(
        (earlier) => earlier.findingId === link.findingId || holdKey(earlier.needs) === holdKey(link.gives),
      );
      if (!isCircle) extend([...path, link], link.gives);
    }
  };
  extend([], OUTSIDE);
  return chains.sort((one, other) => other.priority - one.priority || one.links.length - other.links.length);
}

const holdKey = ({ capability, position }: Hold): string => `${capability}@${position}`;

function toChain(links: readonly Link[]): Chain {
  const gravest = Math.max(...links.map(({ score }) => score));
  const end = links.at(-1)?.gives ?? OUTSIDE;
  // What the chain ends with, on the scale of scores; each further link costs the attacker something.
  const reached = (10 * (CAPABILITIES.indexOf(end.capability) + 1)) / CAPABILITIES.length - 0.5 * (links.length - 2);
  const priority = Math.round(Math.min(10, Math.max(gravest, reached)) * 10) / 10;
  return {
    links,
    priority,
    reasons: [
      `ends with ${end.capability} at ${end.position}`,
      `${links.length} links, the gravest alone ${gravest.toFixed(1)}`,
      ...(links.some(({ project }) => project !== links[0]?.project) ? ['crosses projects'] : []),
    ],
  };
}
