/** Which commands there are and what each is given. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import firstCampaign from './campaign/first-campaign.json' with { type: 'json' };
import fixtureCampaign from './campaign/fixture-campaign.json' with { type: 'json' };
import { type Campaign, type CampaignFile, readCampaignFile, toLine } from './campaign/index.ts';
import { inspectChannels, lookAtGithub, openMailbox } from './channels.ts';
import {
  CommandEnd,
  DEFAULT_PORT,
  registerCaseCommands,
  registerChainCommands,
  registerCreditCommands,
  registerDedupe,
  registerDoctor,
  registerDocumentCommands,
  registerExposureCommands,
  registerFundCommands,
  registerIntakeCommands,
  registerJournalCommands,
  registerKeyCommands,
  registerLogCommands,
  registerMailCommands,
  registerOutboxCommands,
  registerPaceCommands,
  registerPatchCommands,
  registerProgramCommands,
  registerReproduce,
  registerSandboxCommands,
  registerScan,
  registerScopeCommands,
  registerServe,
  registerSignInCommands,
  registerSimulate,
  registerStart,
  registerStopCommands,
  registerStoreCommands,
  registerTriageCommands,
  registerVettingCommands,
  serve,
} from './cli/index.ts';
import { createDemonstrating } from './demonstrating.ts';
import { OPERATOR } from './disclosure/index.ts';
import { createEgress, namedOrigins } from './egress/index.ts';
import { findCaseDependents } from './exposed-cases.ts';
import { registerFollow } from './follow-commands.ts';
import { openFunding } from './funded-projects.ts';
import { findClaims, listTurnedAway } from './inbound/index.ts';
import { createIntake, type Intake } from './intake/index.ts';
import { createTextFetch } from './paced-cases.ts';
import { RELEASE_JOB } from './pacing/index.ts';
import { type Parts, tryOpenSandbox } from './parts.ts';
import { createLook, openProgramme } from './programme.ts';
import { findMissingEvidence, openEvidence } from './release/index.ts';
import { placesOf, registerRelease } from './release-commands.ts';
import { chooseProfile, type SandboxProfile } from './sandbox/index.ts';
import type { Services } from './services.ts';
import { createServing } from './serving.ts';
import { createWork, openFixtureRegistry, openSession, type Session } from './session.ts';
import { toHome } from './store/home.ts';
import { inspectStore } from './store/inspect.ts';
import { addJob } from './store/jobs.ts';
import { inspectScratch } from './store/scratch.ts';
import { openTarget, readTargetText } from './target/index.ts';
import { createLists, fetchFeed } from './triage/index.ts';
import { createFindingStore } from './verify/index.ts';
import { checkReport } from './workshop.ts';

export function registerAll(program: Command, parts: Parts): void {
  const { terminal, config, clock } = parts;
  const session = parts.once(() => openSession(parts));
  const work = createWork(session, (event) => terminal.say(toLine(event)));
  const registryFor = (campaign: Campaign, cache?: string) =>
    campaign.file.name === fixtureCampaign.name ? openFixtureRegistry(parts) : parts.registry(cache);
  const demonstrating = createDemonstrating(parts, async () => (await session()).services);
  const serving = createServing(parts, session, demonstrating);

  registerStart(program, {
    terminal,
    profile: (asked) => readProfile(asked, parts),
    chooseFile: () => chooseFile(parts),
    readFile: async (path) => toFile(JSON.parse(await readFile(path, 'utf8'))),
    open: async () => (await session()).services,
    work: async (campaign) => work(campaign, await registryFor(campaign)),
    demonstration: demonstrating,
    openSandbox: (profile) => openSandboxEarly(parts, profile),
    serve: ({ port, profile }) => serve({ terminal, ...serving }, 'all', String(port), profile),
  });
  registerScan(program, {
    terminal,
    profile: (asked) => readProfile(asked, parts),
    campaigns: async () => (await session()).services.campaigns,
    work: async (campaign, { cache }) => work(campaign, await registryFor(campaign, cache && resolve(cache))),
    lines: async (id) => (await session()).services.reports.lines(id),
    recordReveal: async (findingId) => (await session()).services.recordReveal(findingId),
    summarise: async (id) => (await session()).services.reports.summarise(id),
    toTarget: readTarget,
  });
  registerProofs(program, parts, session);
  registerServe(program, { terminal, profile: (asked) => readProfile(asked, parts), ...serving });
  registerSandboxCommands(program, {
    terminal,
    openSandbox: (profile) => tryOpenSandbox(profile, config, terminal),
    chooseProfile,
    stdout: process.stdout,
    stderr: process.stderr,
  });
  registerLogCommands(program, {
    terminal,
    clock,
    home: config.home,
    revealSealed: async (id, field) =>
      (await session()).services.disclosure.revealSealed(id, { field, actor: OPERATOR }),
  });
  registerCases(program, parts, session);
  registerContact(program, parts, async () => (await session()).services);
  registerPace(program, parts, session);
  registerFollow(program, parts, session, (asked) => readProfile(asked, parts));
  registerChainCommands(program, { terminal, chains: async () => (await session()).services.chains });
  registerTriageCommands(program, {
    terminal,
    triage: async () => (await session()).services.triage,
    lists: async () => createLists({ database: await parts.database() }),
    fetchFeed: (place) => fetchFeed(place, createEgress({ named: namedOrigins(config.allowedOrigins) })),
  });
  registerProgramme(program, parts);
  registerDocumentCommands(program, { terminal });
  registerDedupe(program, { terminal });
  registerRelease(program, parts, session);
  registerStore(program, parts);
  registerDoctor(program, {
    terminal,
    inspections: [
      {
        name: 'store',
        inspect: ({ reveal }) =>
          inspectStore(config.home, { databaseUrl: config.databaseUrl, programs: config.postgresPrograms, reveal }),
      },
      { name: 'scratch', inspect: async () => [await inspectScratch()] },
      { name: 'contact', inspect: async () => inspectChannels(config) },
      { name: 'sandbox', inspect: () => inspectSandbox(parts) },
    ],
  });
}

/** Commands that keep an installation and bring it back. */
function registerStore(program: Command, parts: Parts): void {
  const { terminal, clock, config } = parts;
  const places = placesOf(config.home);
  registerStoreCommands(program, {
    terminal,
    clock,
    home: parts.home,
    database: parts.database,
    untouchedDatabase: parts.untouchedDatabase,
    findMissingEvidence: async () => {
      const missing = await findMissingEvidence(places.log, {}, openEvidence(places.evidence));
      return missing.ok ? missing.value : undefined;
    },
  });
}

/** Commands on whose turn it is, and on a year of it. */
function registerPace(program: Command, parts: Parts, session: () => Promise<Session>): void {
  registerPaceCommands(program, {
    terminal: parts.terminal,
    pacing: async () => (await session()).services.pacing,
    fetchText: createTextFetch(parts.config.allowedOrigins),
    startReleasing: async () => void (await addJob(await parts.database(), RELEASE_JOB, {}, { key: RELEASE_JOB })),
  });
  registerFundCommands(program, {
    terminal: parts.terminal,
    pacing: async () => (await session()).services.pacing,
    funding: async () => openFunding(parts, (await session()).services.disclosure),
    membership: async () => (await openProgramme(parts)).membership,
  });
  registerSimulate(program, { terminal: parts.terminal });
}

/** Commands on cases: their steps, parties, links and clocks. */
function registerCases(program: Command, parts: Parts, session: () => Promise<Session>): void {
  const { terminal, clock, config } = parts;
  registerCaseCommands(program, {
    terminal,
    clock,
    database: parts.database,
    disclosure: async () => (await session()).services.disclosure,
    disclosureUnder: async (now) => (await session()).services.disclosureUnder(now),
    publishAsOperator: async (opened, now) => (await session()).services.publishAsOperator(opened, now),
    publishedDocument: async (opened, folder) => (await session()).services.publishedDocument(opened, folder),
    readLetter: async (messageId) => (await session()).services.readLetter(messageId),
    followup: async () => (await session()).services.followup,
    lists: async () => createLists({ database: await parts.database() }),
    timekeeping: async () => (await session()).services.timekeeping,
    random: parts.random,
    coordination: async () => (await session()).services.coordination,
    links: async () => (await session()).services.links,
    checkReport: async (id, asked) =>
      checkReport(parts, (await session()).services, { profile: readProfile(asked, parts) }, id),
    lookAtRepository: (to) => lookAtGithub(config, to),
    invitations: async () => (await session()).services.invitations,
    signOff: async (id, word) => (await session()).services.readiness.signOff(id, word),
    escalate: async (id, actor) => (await session()).services.escalations.escalate(id, actor),
    origin: () => config.origin ?? `http://localhost:${DEFAULT_PORT}`,
  });
}

/** Commands on what comes in, what leaves and what comes back. */
function registerContact(program: Command, parts: Parts, services: () => Promise<Services>): void {
  const { terminal, config, database } = parts;
  registerIntakeCommands(program, {
    terminal,
    actor: OPERATOR,
    intake: parts.once(() => openIntake(parts)),
    turnedAway: async (days) => listTurnedAway(await database(), days),
    scanRecord: async (id, target) => (await services()).scanRecord(id, target),
  });
  registerExposureCommands(program, {
    terminal,
    partners: services,
    membership: async () => (await openProgramme(parts)).membership,
  });
  registerMailCommands(program, {
    terminal,
    answers: async () => (await services()).answers,
    claimsOfAnswer: async (id) => findClaims(await database(), id),
    mailbox: () => openMailbox(config)?.messages(),
  });
  registerOutboxCommands(program, { terminal, outbox: async () => (await services()).outbox });
}

/** Commands on who takes part, with which keys, and on what is stopped. */
function registerProgramme(program: Command, parts: Parts): void {
  const { terminal, clock, config } = parts;
  const programme = parts.once(() => openProgramme(parts));
  const membership = async () => (await programme()).membership;
  registerProgramCommands(program, {
    terminal,
    membership,
    approve: async (named, tier) => (await programme()).vetting.approveAsOperator(named, tier, OPERATOR),
    caps: async () => (await programme()).caps,
    isUnderReview: async (named) => (await programme()).vetting.isUnderReview(named),
  });
  registerVettingCommands(program, { terminal, vetting: async () => (await programme()).vetting });
  const origin = () => parts.config.origin ?? `http://localhost:${DEFAULT_PORT}`;
  const signIn = async () => (await programme()).openSignIn({ origin, gateUrl: () => '' }).signIn;
  registerSignInCommands(program, { terminal, membership, signIn, origin });
  registerKeyCommands(program, { terminal, membership, keys: async () => (await programme()).keys });
  registerScopeCommands(program, { terminal, scoping: async () => (await programme()).scoping });
  registerStopCommands(program, { terminal, clock, membership, stops: async () => (await programme()).stops });
  registerCreditCommands(program, { terminal, membership, ledger: async () => (await programme()).ledger });
  registerJournalCommands(program, { terminal, home: config.home, lookAtPrompt: createLook(parts) });
}

/** Commands that look again at a finding: its reproducer, its patch. */
function registerProofs(program: Command, parts: Parts, session: () => Promise<Session>): void {
  const { terminal, clock } = parts;
  registerReproduce(program, {
    terminal,
    clock,
    database: parts.database,
    vault: parts.vault,
    scratch: parts.scratch,
    registry: parts.registry,
    verification: parts.verification,
    chooseProfile,
  });
  registerPatchCommands(program, {
    terminal,
    openTarget: async (target, withDevDependencies) =>
      openTarget({ target, withDevDependencies, scratch: await parts.scratch(), registry: parts.registry() }),
    findReproducer: async (id) => {
      const stored = await createFindingStore(await parts.database(), await parts.vault()).find(id);
      return stored?.finding.reproducer;
    },
    caseDependents: async (id) => findCaseDependents((await session()).services, id),
    patchParts: async () => {
      const [sandbox, scratch] = await Promise.all([parts.sandbox(readProfile(undefined, parts)), parts.scratch()]);
      return { run: (request) => sandbox.run(request), random: parts.random, scratch };
    },
  });
}

async function openIntake({ database, vault, random }: Parts): Promise<Intake> {
  return createIntake({ database: await database(), vault: await vault(), random });
}

function readProfile(asked: string | undefined, { terminal }: Parts): SandboxProfile {
  if (asked !== undefined && asked !== 'full' && asked !== 'user') {
    throw new CommandEnd('usage', `--profile takes full or user, not ${asked}`);
  }
  const profile = asked ?? chooseProfile();
  terminal.say(`sandbox profile: ${profile}${asked ? '' : ' (chosen for this host; --profile names another)'}`);
  return profile;
}

/** A new installation waits for its database. Who needs the sandbox asks again, and is told why it cannot be had. */
function openSandboxEarly({ config, sandbox }: Parts, profile: SandboxProfile): void {
  const isNew = !config.databaseUrl && !existsSync(toHome(config.home).postgres);
  if (isNew) sandbox(profile).catch(() => undefined);
}

/** The packages of the first campaign where the registry answers, else the one we wrote ourselves, said openly. */
async function chooseFile(parts: Parts): Promise<CampaignFile> {
  const probe = await parts.registry().packument('ms');
  if (probe.ok) return toFile(firstCampaign);
  parts.terminal.say(`The npm registry does not answer (${probe.refusal.reason}).`);
  parts.terminal.say('The first campaign runs on a small package of our own instead, served on loopback.');
  return toFile(fixtureCampaign);
}

function toFile(value: unknown): CampaignFile {
  const file = readCampaignFile(value);
  if (!file.ok) throw new CommandEnd('usage', `the campaign file cannot be used: ${file.refusal.reason}`);
  return file.value;
}

/** Package URLs stay as they are; paths are kept absolute, because a job may run in another directory. */
function readTarget(text: string): string {
  const target = readTargetText(text);
  if (!target.ok) throw new CommandEnd('usage', `${text}: ${target.refusal.reason}`);
  return target.value.kind === 'registry' ? text : resolve(text);
}

async function inspectSandbox({ config, terminal }: Parts) {
  const profile = chooseProfile();
  const opened = await tryOpenSandbox(profile, config, terminal);
  if (!opened.ok) return [{ name: `sandbox (${profile})`, ok: false, detail: opened.refusal.reason }];
  try {
    const layers = opened.value.layers.join(', ');
    const run = await opened.value.run({ command: ['node', '-e', ''] });
    const ran = run.ok && run.value.exitCode === 0;
    const detail = run.ok ? `a run ends with ${run.value.exitCode}` : run.refusal.reason;
    return [
      { name: `sandbox (${profile})`, ok: ran, detail: ran ? 'Node runs inside' : detail },
      { name: 'sandbox layers', ok: true, detail: layers },
    ];
  } finally {
    await opened.value.close();
  }
}
