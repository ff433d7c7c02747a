/** What `followup` is told of the cases of `coordination` and `campaign`: joined here, because neither knows the other. */
import { SEARCH_JOBS } from './campaign/index.ts';
import type { Config } from './config.ts';
import type { Coordination } from './coordination/index.ts';
import { createEgress, namedOrigins } from './egress/index.ts';
import { createSources, type FollowupParts } from './followup/index.ts';
import { addJob } from './store/jobs.ts';
import { readNpmSettings } from './target/index.ts';

type FollowPorts = Pick<FollowupParts, 'ask' | 'claims' | 'measure'>;

export function createFollowedCases(config: Config, coordination: Pick<Coordination, 'findIn'>): FollowPorts {
  let ask: Promise<FollowupParts['ask']> | undefined;
  return {
    ask: async (...asked) => {
      ask ??= openSources(config);
      // npm may be missing for once: it is asked again.
      ask.catch(() => {
        ask = undefined;
      });
      return await (await ask)(...asked);
    },
    async claims(tx, id) {
      const answers = (await coordination.findIn(tx, id))?.it.answers ?? [];
      return answers.filter(({ kind }) => kind === 'fixed-in').map(({ text: version, at }) => ({ version, at }));
    },
    measure: async (tx, caseId) => {
      await addJob(tx, SEARCH_JOBS.measure, { caseId }, { key: `measure ${caseId}` });
    },
  };
}

/** The registry of npm's own settings was named by the operator, like the origins of the configuration. */
async function openSources({ allowedOrigins }: Config): Promise<FollowupParts['ask']> {
  const settings = await readNpmSettings();
  const registries = [settings.registry, ...Object.values(settings.scopes)].filter((url) => URL.canParse(url));
  const egress = createEgress({
    named: namedOrigins([...allowedOrigins, ...registries]),
    ...(settings.ca.length > 0 && { ca: settings.ca }),
  });
  return createSources({ egress, npm: settings });
}
