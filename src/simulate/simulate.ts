/** A year of disclosure, simulated: what a number of findings comes to in a number of projects under a policy. */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { SSVC_WEIGHTS } from '../pacing/index.ts';
import { type Compared, toComparisonPage } from './comparison-page.ts';
import type { Abilities } from './maintainers.ts';
import { matchFixes } from './matching-service.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { PARAMETERS, type Parameters, slowdownAt } from './parameters.ts';
import { choosing, POLICIES, type PolicyName, type PolicySettings } from './policy-service.ts';
import { timelineOf } from './timeline.ts';
import { createWorld, type World, type WorldSize } from './world.ts';
import { runYear } from './year.ts';

export interface Request extends WorldSize {
  readonly seed: number;
  readonly policy: PolicyName;
  readonly settings?: PolicySettings;
  /** How much longer a fix takes with 3 or more open, within a project. */
  readonly loadRatio?: number;
}

/** The same request gives the same outcome on every machine. */
export function simulate(request: Request): Outcome {
  const world = createWorld(request, PARAMETERS, request.seed);
  return simulateIn(world, request.policy, { ...request });
}

/** Under a policy, in a world that others may have met too. */
export function simulateIn(
  world: World,
  policy: PolicyName,
  { settings, loadRatio }: Pick<Request, 'settings' | 'loadRatio'> = {},
): Outcome {
  const year = runYear(world, choosing(policy, settings), abilitiesAt(PARAMETERS, loadRatio));
  return outcomeOf(world, year, SSVC_WEIGHTS);
}

/** All policies in one world, as a page. */
export function compare(request: Omit<Request, 'policy' | 'settings'>): string {
  const world = createWorld(request, PARAMETERS, request.seed);
  const abilities = abilitiesAt(PARAMETERS, request.loadRatio);
  const policies = POLICIES.map((name): Compared => {
    const year = runYear(world, choosing(name), abilities);
    return { name, outcome: outcomeOf(world, year, SSVC_WEIGHTS), timeline: timelineOf(world, year) };
  });
  const wanted = policies.find(({ name }) => name === 'paced')?.outcome.fixedWithin180 ?? 0;
  const matched = POLICIES.map((name) => ({
    name,
    ...matchFixes(name, wanted, (settings) => simulateIn(world, name, { ...request, settings })),
  }));
  const parametersSha256 = sha256Hex(canonicalJson(PARAMETERS as unknown as Json));
  return toComparisonPage({ ...request, slowdown: abilities.slowdown, parametersSha256, policies, matched });
}

export function abilitiesAt(parameters: Parameters, loadRatio = parameters.reported.loadRatio): Abilities {
  return { parameters, slowdown: slowdownAt(parameters, loadRatio), hasBestMonth: true };
}
