/** One run of the program that works on cases: services, and the workers that run their jobs in this process. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type Campaign, type CampaignEvent, startFixtureRegistry } from './campaign/index.ts';
import type { Parts } from './parts.ts';
import type { SandboxProfile } from './sandbox/index.ts';
import { createHandlers, createServices, type Services } from './services.ts';
import { startWorkers, type Workers, waitUntilIdle } from './store/job-worker.ts';
import { findFailedJobs, retryFailedJobs } from './store/jobs.ts';
import { createRegistry, type Registry } from './target/index.ts';
import { SEQUENCE_JOB } from './tlog/index.ts';

/** Jobs at a time: twice the cores of the smallest machine the product is measured on, since half of a job is waiting for its sandbox. */
const CONCURRENCY = 4;

export interface SessionOptions {
  readonly profile: SandboxProfile;
  readonly registry: Registry;
  readonly onEvent: (event: CampaignEvent) => void;
}

export interface Session {
  readonly services: Services;
  startWorkers(options: SessionOptions): Promise<Workers>;
}

export async function openSession(parts: Parts): Promise<Session> {
  const services = await createServices(parts);
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  parts.onClose(() => services.log.sequence());
  return {
    services,
    async startWorkers(options) {
      const handlers = await createHandlers(parts, services, options);
      const workers = await startWorkers({
        database: services.database,
        handlers,
        concurrency: CONCURRENCY,
        random: parts.random,
        vault: services.vault,
        onFailure: ({ name, attempt, error }) => {
          // Details may name what is sealed; they stay in the list of failed jobs.
          parts.terminal.say(
            `job ${name} failed (attempt ${attempt}): ${error instanceof Error ? error.name : 'fault'}`,
          );
        },
        onTrouble: (error) => parts.terminal.say(`jobs: ${error instanceof Error ? error.message : String(error)}`),
      });
      parts.onClose(() => workers.stop());
      const { timekeeping, disclosure } = services;
      const watch = timekeeping.watch({
        // A deadline whose job was lost or is late is noticed here all the same.
        onLook: () => disclosure.reachClocks(),
        onTrouble: (error) => parts.terminal.say(`clocks: ${error instanceof Error ? error.name : 'fault'}`),
      });
      parts.onClose(() => watch.stop());
      return workers;
    },
  };
}

const CAMPAIGN_LIMIT_MS = 24 * 3_600_000;

/** Runs jobs until none of the campaign is left, and gives the reasons of those of it that failed for good. */
export function createWork(session: () => Promise<Session>, onEvent: SessionOptions['onEvent']) {
  return async (campaign: Campaign, registry: Registry | Promise<Registry>): Promise<readonly string[]> => {
    const { services, startWorkers: start } = await session();
    onEvent({
      kind: 'started',
      targets: campaign.file.targets.length,
      profile: campaign.sandboxProfile,
      demonstration: campaign.kind === 'demonstration',
    });
    const workers = await start({ profile: campaign.sandboxProfile, registry: await registry, onEvent });
    try {
      // After the start of the workers, which takes the jobs of dead processes back: one may have died at every attempt.
      // Its promises to the log become leaves by jobs that belong to no campaign.
      const of = [campaign.id, SEQUENCE_JOB];
      const stuck = await findFailedJobs(services.database, of);
      await retryFailedJobs(
        services.database,
        stuck.map(({ id }) => id),
      );
      const failed = await waitUntilIdle(services.database, CAMPAIGN_LIMIT_MS, of);
      // The reason may name what is sealed: it stays in the list of failed jobs, which `doctor` counts.
      return failed.map(({ id, name }) => `the job ${name} (${id}) failed for good`);
    } finally {
      await workers.stop();
    }
  };
}

/** A registry of our own packages, for a start where the npm registry cannot be reached. */
export async function openFixtureRegistry(parts: Parts): Promise<Registry> {
  const server = await startFixtureRegistry(join(import.meta.dirname, 'campaign', 'fixture'));
  parts.onClose(() => server.close());
  const cache = await mkdtemp(join(await parts.scratch(), 'registry-'));
  const settings = { registry: server.url, scopes: {}, ca: [], strictSsl: true, proxy: null, noProxy: null };
  return createRegistry({ mode: 'fresh', cache, settings: { ...settings, cacheDirectory: cache } });
}
