/** Asks the source that a place names. */
import type { Egress } from '../egress/index.ts';
import { askDebian } from './debian-client.ts';
import type { FollowupParts } from './followup.ts';
import { askGit } from './git-client.ts';
import { askNpm, type NpmPlace } from './npm-client.ts';

export interface SourceParts {
  readonly egress: Pick<Egress, 'request'>;
  readonly npm: NpmPlace;
}

export function createSources({ egress, npm }: SourceParts): FollowupParts['ask'] {
  return async (name, place, validator) => {
    switch (place.source) {
      case 'npm':
        return await askNpm(egress, npm, name, validator);
      case 'git':
        return await askGit(egress, place.repository, name, validator);
      case 'debian':
        return await askDebian(egress, place, validator);
    }
  };
}
