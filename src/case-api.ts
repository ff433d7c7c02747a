/** What the API asks of intake, cases, pacing and funding, joined. */
import type { DisclosureRouteParts } from './api/index.ts';
import { readIdentities } from './cli/index.ts';
import { openFunding } from './funded-projects.ts';
import { findClaims } from './inbound/index.ts';
import type { Parts } from './parts.ts';
import type { Services } from './services.ts';

export async function openCaseApi(
  parts: Parts,
  services: Services,
  origin: () => string,
): Promise<DisclosureRouteParts> {
  const { database, disclosure } = services;
  return {
    ...services,
    random: parts.random,
    origin,
    funding: await openFunding(parts, disclosure),
    reportKeys: parts.once(() => readIdentities(parts.config.identities)),
    claimsOfAnswer: (id) => findClaims(database, id),
  };
}
