/** Commands on decisions, stages, rollouts and incidents, joined with what they need. */
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  registerAdoptionCommands,
  registerIncidentCommands,
  registerPolicyCommands,
  registerRecordReportCommands,
  registerReleaseCommands,
  registerReverseCommand,
  registerRolloutCommands,
  registerSafetyCaseCommands,
  registerStatementCommands,
  toReleaseEnd,
} from './cli/index.ts';
import type { Parts } from './parts.ts';
import { documentBytes } from './policy/index.ts';
import { openProgramme } from './programme.ts';
import { openRelease, readFindings } from './releases.ts';
import type { Session } from './session.ts';
import { toHome } from './store/home.ts';

/** Where an installation's own log and evidence lie. */
export function placesOf(path: string): { readonly log: string; readonly evidence: string } {
  const home = toHome(path);
  return { log: join(home.public, 'log'), evidence: home.evidence };
}

export function registerRelease(program: Command, parts: Parts, session: () => Promise<Session>): void {
  const { terminal, clock, config } = parts;
  const opened = parts.once(() => openRelease(parts, async () => (await session()).services));
  registerPolicyCommands(program, {
    terminal,
    clock,
    record: async (documents) => {
      const recorded = await (await opened()).release.record(documents);
      if (!recorded.ok) throw toReleaseEnd(recorded.refusal);
      return recorded.value;
    },
  });
  registerReleaseCommands(program, {
    terminal,
    release: async () => (await opened()).release,
    adoptions: async () => (await opened()).adoptions,
    foresee: async (...asked) => (await opened()).foresee(...asked),
    places: placesOf(config.home),
  });
  registerReverseCommand(program, {
    terminal,
    release: async () => (await opened()).release,
    places: placesOf(config.home),
  });
  registerAdoptionCommands(program, { terminal, clock, adoptions: async () => (await opened()).adoptions });
  registerSafetyCaseCommands(program, { terminal, cases: async () => (await opened()).cases });
  registerRecordReportCommands(program, { terminal, clock, records: async () => (await opened()).records });
  registerStatementCommands(program, {
    terminal,
    clock,
    keep: async (document) => (await opened()).evidence.put(documentBytes(document)),
  });
  registerIncidentCommands(program, {
    terminal,
    incidents: async () => (await opened()).incidents,
    membership: async () => (await openProgramme(parts)).membership,
  });
  registerRolloutCommands(program, {
    terminal,
    clock,
    rollouts: async () => (await opened()).rollouts,
    findings: async (kind) => readFindings((await session()).services, kind),
  });
}
