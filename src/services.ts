/** The services of an installation, joined: disclosure, publishing and the jobs that carry a finding between them. */
import { join } from 'node:path';
import {
  type CampaignEvent,
  type Campaigns,
  createCampaignReports,
  createCampaigns,
  createCaseJobs,
  createCaseOpening,
  createOperatorPublishing,
  createPatchAttempts,
  createSearchJobs,
  createTreeKeeper,
  createVersionTrial,
  toFindingReport,
} from './campaign/index.ts';
import { createCarriers, openMailbox } from './channels.ts';
import { readIdentities } from './cli/index.ts';
import type { Config } from './config.ts';
import {
  type AnswerDependencies,
  type Carriers,
  createAnswers,
  createContactJobs,
  createOutbox,
  planLook,
  type Word,
} from './contact/index.ts';
import {
  createCoordination,
  createCoordinationJobs,
  createEscalationJobs,
  createLinks,
  createMaintainerPages,
  type Links,
  type MaintainerPages,
} from './coordination/index.ts';
import {
  createCompressedClock,
  createDisclosure,
  createDisclosureJobs,
  type Disclosure,
  type DisclosureDependencies,
  findCase,
  type OpenedCase,
} from './disclosure/index.ts';
import { createEgress, namedOrigins } from './egress/index.ts';
import { createPartners } from './exposed-cases.ts';
import { createExposureJobs } from './exposure/index.ts';
import { createFileCache, scanTree } from './finder/index.ts';
import { createFollowedCases } from './followed-cases.ts';
import {
  createFollowup,
  createFollowupJobs,
  createReleaseWorkshop,
  type Followup,
  type FollowupParts,
  planSweep,
} from './followup/index.ts';
import { createIntake, openText, toSource } from './intake/index.ts';
import type { Clock } from './lib/clock.ts';
import { createPacedCases, createPaceWords, createTextFetch, withPace } from './paced-cases.ts';
import { createPacing, createPacingJobs, planOptOuts } from './pacing/index.ts';
import type { Parts } from './parts.ts';
import { createPartyLetters, type PartyLetters } from './party-letters.ts';
import { createProgrammeJobs, openProgramme } from './programme.ts';
import { createPublishing, createPublishJobs, type Publishing } from './publish/index.ts';
import { createReadiness, createReadinessJobs } from './readiness/index.ts';
import { openRelease } from './releases.ts';
import type { SandboxProfile } from './sandbox/index.ts';
import { createRecordScans } from './scanned-records.ts';
import { createSecondLookKinds } from './second-looks.ts';
import { createSecondLookJobs, createSecondLooks, planDraw, type SecondLooks } from './secondlook/index.ts';
import type { Database } from './store/database.ts';
import type { JobHandler } from './store/job-worker.ts';
import { openTarget, type Registry } from './target/index.ts';
import { createTimekeeping } from './timekeeping/index.ts';
import { createSequenceJobs } from './tlog/index.ts';
import {
  type Chains,
  createChains,
  createTriage,
  createTriageJobs,
  fetchFeed,
  planFeeds,
  type Triage,
} from './triage/index.ts';
import { createTriagedCases } from './triaged-cases.ts';
import { createFindingStore, type FindingId } from './verify/index.ts';
import { checkReport } from './workshop.ts';

/** Shown in documents until the operator configures an identity of his own. */
const UNCONFIGURED_PUBLISHER = {
  name: 'Headstart installation without a configured publisher',
  namespace: 'https://headstart.invalid',
  contact: 'mailto:security@headstart.invalid',
};
const UNCONFIGURED_CONTACT = { name: 'Headstart operator', address: 'security@headstart.invalid' };
/** Groups of one search run at once. */
const SEARCH_CONCURRENCY = 2;

export type Services = Awaited<ReturnType<typeof createServices>>;

/** Who we are to others. */
export const identityOf = ({ publisher, mailFrom }: Config) => ({
  publisher: publisher ?? UNCONFIGURED_PUBLISHER,
  contact: {
    name: publisher?.name ?? UNCONFIGURED_CONTACT.name,
    address: mailFrom ?? UNCONFIGURED_CONTACT.address,
  },
});

/** Cases and their publication: no sandbox is needed to look at or move a case. */
export async function createServices(parts: Parts) {
  const [database, vault, log, { path: home }] = await Promise.all([
    parts.database(),
    parts.vault(),
    parts.log(),
    parts.home(),
  ]);
  const { random, clock, config } = parts;
  const { publisher, contact } = identityOf(config);
  const outboxWith = (now: Clock, carriers: Carriers) =>
    createOutbox({ database, clock: now, random, vault, from: contact, carriers, findMatter: findCase });
  const outbox = outboxWith(clock, createCarriers(config, contact.address, clock));
  const timekeeping = keepTime({ database, random, clock });
  const links = createLinks({ random, vault, instants: timekeeping });
  const linkFor = createLinkFor(links, config.origin);
  const readiness = createReadiness({ database, vault, instants: timekeeping, disclosure: () => disclosure });
  const disclosureWith = (now: Clock, time: 'real' | 'compressed'): Disclosure => {
    // Under a simulated clock there are demonstrations only, and no channel is within their reach.
    const posting = time === 'real' ? outbox : outboxWith(now, {});
    const instants = time === 'real' ? { instants: timekeeping, lacks: readiness.missingIn } : {};
    return createDisclosure({
      ...{ database, clock: now, time, random, vault, log, outbox: posting, publisher, contact },
      ...{ ...instants, linkFor },
    });
  };
  const disclosure = disclosureWith(clock, 'real');
  const disclosureUnder = (now: Clock): Disclosure => disclosureWith(now, 'compressed');
  const publishingWith = (over: Disclosure): Publishing =>
    createPublishing({ database, clock, random, vault, log, disclosure: over, home, publisher });
  const publishing = publishingWith(disclosure);
  /** Under the kind of clock the case has. */
  const publishingFor = (opened: OpenedCase, now: Clock): Publishing =>
    opened.case.time === 'real' ? publishing : publishingWith(disclosureUnder(now));
  const { triage, chains } = triageCases({ database, vault, disclosure });
  const disclosureFor = ({ case: it, history }: OpenedCase): Disclosure =>
    it.time === 'real' ? disclosure : disclosureUnder(createCompressedClock(lastInstant(history)));
  const coordination = createCoordination({ database, vault, random, disclosure, disclosureFor });
  const letters = createPartyLetters({
    ...{ database, random, outbox, contact, coordination, disclosure, disclosureFor, readiness, linkFor },
    coordinator: config.coordinator,
  });
  const { exposure, notices } = createPartners({
    ...{ database, vault, random, disclosure, invitations: letters.invitations, instants: timekeeping },
  });
  const pacing = createPacing({ database, vault, ...createPacedCases({ disclosure, triage, chains, exposure }) });
  const campaigns = createCampaigns({ database, vault, clock, random });
  const intake = createIntake({ database, vault, random });
  const open = createOpening(parts);
  const maintainerPages = createMaintainerPages({
    ...{ database, random, links },
    coordination: withPace(coordination, createPaceWords(disclosure, pacing)),
  });
  return {
    ...{ database, vault, log, home, timekeeping, outbox },
    ...{ intake, scanRecord: createRecordScans({ intake, campaigns }) },
    answers: openAnswers({ database, clock, random, vault, outbox, open }, disclosure, maintainerPages, letters),
    ...letters,
    ...{ coordination, links, readiness, maintainerPages, disclosure, disclosureUnder },
    ...{ triage, chains, pacing, exposure, notices, publishing, publishingFor, campaigns },
    ...lookAgain({ database, vault, random, disclosure, triage, campaigns }, createFollowedCases(config, coordination)),
    reports: createCampaignReports({
      ...{ database, vault, clock, disclosure, log },
      publicDirectory: join(home, 'public'),
      pageOf: links.demonstrationPath,
    }),
    publishAsOperator: createOperatorPublishing({
      ...{ database, vault, log, home, random },
      passphrases: config.releasePassphrases,
      publishingFor,
    }),
    publishedDocument: async (opened: OpenedCase, folder: string): Promise<string | undefined> => {
      const documents = await publishing.documents(opened);
      return documents && [...documents].find(([path]) => path.startsWith(`advisories/${folder}/`))?.[1];
    },
    readLetter: (messageId: string): Promise<string | undefined> =>
      database.transaction((tx) => outbox.readLetter(tx, messageId)),
    recordReveal: (findingId: FindingId): Promise<void> =>
      createFindingStore(database, vault).recordReveal(findingId, 'scan --reveal', clock.now()),
  };
}

const keepTime = ({ database, random, clock }: Pick<Parts, 'random' | 'clock'> & { readonly database: Database }) =>
  createTimekeeping({ database, random, machine: clock, monotonicMs: () => performance.now() });

/** A demonstration has its page whether or not pages have an address: the status page shows it. */
function createLinkFor(links: Links, origin: string | undefined): NonNullable<DisclosureDependencies['linkFor']> {
  return async (tx, { id, kind }, partyId) => {
    if (kind === 'real' && !origin) return undefined;
    const make = kind === 'demonstration' ? links.createForDemonstration : links.create;
    const token = await make(tx, id, partyId);
    return origin && `${origin}/m/${token}`;
  };
}

function triageCases({ disclosure, ...stores }: Pick<Services, 'database' | 'vault' | 'disclosure'>): {
  readonly triage: Triage;
  readonly chains: Chains;
} {
  const parts = { ...stores, ...createTriagedCases(disclosure) };
  const triage = createTriage(parts);
  return { triage, chains: createChains({ ...parts, triage }) };
}

/** What goes on after a verdict and after a report. */
function lookAgain(
  parts: Omit<FollowupParts, 'ask' | 'claims' | 'measure'> & {
    readonly disclosure: Disclosure;
    readonly triage: Triage;
    readonly campaigns: Campaigns;
  },
  followed: ReturnType<typeof createFollowedCases>,
): { readonly followup: Followup; readonly secondLooks: SecondLooks } {
  const kinds = createSecondLookKinds({ ...parts, intake: createIntake(parts) });
  return { followup: createFollowup({ ...parts, ...followed }), secondLooks: createSecondLooks({ ...parts, kinds }) };
}

/** Who acts where a maintainer's words do. */
const BY_MAIL = 'the maintainer, by mail';
/** The same answers as by a party's page, in its own words. */
function toForm(word: Word): Record<string, string> {
  switch (word.word) {
    case 'fixed-in':
      return { answer: 'fixed-in', text: word.version };
    case 'not-a-bug':
      return { answer: 'not-a-bug', text: word.because };
    case 'send-fewer':
    case 'send-more':
      return { answer: 'pace', pace: word.word.slice('send-'.length) };
    default:
      return { answer: word.word };
  }
}

/** With the keys of `HEADSTART_INBOUND_IDENTITY`, read when the first encrypted answer comes. */
function createOpening({ once, config }: Pick<Parts, 'once' | 'config'>): NonNullable<AnswerDependencies['open']> {
  const keys = once(() => readIdentities(config.identities));
  return async (text) => openText(text, await keys());
}

function openAnswers(
  parts: Omit<AnswerDependencies, 'act' | 'note'>,
  disclosure: Disclosure,
  pages: MaintainerPages,
  { partyOf }: Pick<PartyLetters, 'partyOf'>,
) {
  return createAnswers({
    ...parts,
    act: async (tx, { id, caseId }, word) => {
      const party = await partyOf(tx, id);
      if (!party) return false;
      if (word.word !== 'acknowledge') return await pages.answerIn(tx, caseId, party.id, toForm(word));
      // That somebody else has the case is no answer of the maintainers.
      return party.isReported && (await disclosure.takeIn(tx, word.word, caseId, { actor: BY_MAIL })).ok;
    },
    note: async (tx, id, event) => {
      const it = await findCase(tx, id);
      if (it) await disclosure.note(tx, { case: it }, event, BY_MAIL);
    },
  });
}

const egressOf = ({ config }: Pick<Parts, 'config'>) => createEgress({ named: namedOrigins(config.allowedOrigins) });

export interface WorkshopOptions {
  readonly profile: SandboxProfile;
  readonly registry: Registry;
  readonly onEvent: (event: CampaignEvent) => void;
}

/** What runs the jobs of a campaign: needs the sandbox. */
export async function createHandlers(
  parts: Parts,
  services: Services,
  { profile, registry, onEvent }: WorkshopOptions,
): Promise<Readonly<Record<string, JobHandler>>> {
  const { database, vault, disclosure, disclosureUnder } = services;
  const { clock, random } = parts;
  const [sandbox, scratch, verification] = await Promise.all([
    parts.sandbox(profile),
    parts.scratch(),
    parts.verification(profile, registry),
  ]);
  const cache = createFileCache({
    directory: join(services.home, 'cache', 'engine'),
    seal: (plain, key) => vault.sealUnder('finder/results', plain, key),
    open: (sealed, key) => vault.openUnder('finder/results', sealed, key),
  });
  const open = (target: string) => openTarget({ target, scratch, registry });
  const tryVersion = createVersionTrial({ verification, openTarget: open });
  const workshop = createReleaseWorkshop({ verification, scratch, registry });
  for (const id of await services.publishing.unfinished()) await publishRelease(services, id);
  const trees = createTreeKeeper(open);
  parts.onClose(() => trees.close());
  const mailbox = openMailbox(parts.config);
  if (mailbox) await planLook(database);
  await planSweep(database);
  await planDraw(database);
  await planOptOuts(database);
  await planFeeds(database);
  const programmeJobs = createProgrammeJobs(await openProgramme(parts));
  const { jobs: rolloutJobs } = await openRelease(parts, async () => services);
  return {
    ...createSearchJobs({
      database,
      vault,
      clock,
      random,
      trees,
      scan: (tree, seed) => scanTree({ tree, sandbox, seed, cache, concurrency: SEARCH_CONCURRENCY }),
      tryVersion,
      verifyCandidate: (candidate, tree) => verification.verifyCandidate(candidate, tree),
      reportFinding: createFindingReporting(services),
      openCase: createCaseOpening({ vault, random, clock, policy: parts.config.policy, disclosure, disclosureUnder }),
      onEvent,
    }),
    ...createCaseJobs({
      database,
      trees,
      disclosure,
      disclosureUnder,
      verification,
      tryVersion,
      completeRelease: async ({ case: it }) => {
        const release = await services.publishing.findOpen(it.id);
        if (release) await publishRelease(services, release);
      },
      attemptPatches: createPatchAttempts({ run: (request) => sandbox.run(request), random, scratch, registry }),
      publishAsOperator: services.publishAsOperator,
      onEvent,
    }),
    ...createSequenceJobs(services.log),
    ...programmeJobs,
    ...rolloutJobs,
    ...createPacingJobs({ database, pacing: services.pacing, fetchText: createTextFetch(parts.config.allowedOrigins) }),
    ...createExposureJobs({ database, exposure: services.exposure }),
    ...createTriageJobs({ database, triage: services.triage, fetchFeed: (url) => fetchFeed(url, egressOf(parts)) }),
    ...createDisclosureJobs({ disclosure }),
    ...createReadinessJobs({ check: (id) => checkReport(parts, services, { profile, registry }, id) }),
    ...createCoordinationJobs({ coordination: services.coordination, tryVersion: workshop.tryVersion }),
    ...createFollowupJobs({ database, followup: services.followup, workshop }),
    ...createSecondLookJobs({ database, secondLooks: services.secondLooks }),
    ...createEscalationJobs({ database, escalations: services.escalations }),
    ...createContactJobs({
      outbox: services.outbox,
      ...(mailbox && { inbound: { database, mailbox, answers: services.answers } }),
    }),
    ...createPublishJobs({
      database,
      clock,
      publishing: { publish: (id) => publishRelease(services, id), dueAt: services.publishing.dueAt },
    }),
  };
}

/** Findings of our own come in by the door that reports from outside come in by. */
function createFindingReporting({ disclosure, intake }: Pick<Services, 'disclosure' | 'intake'>) {
  return async (caseId: string): Promise<void> => {
    const opened = await disclosure.find(caseId);
    if (!opened) throw new Error(`there is no case ${caseId}`);
    const source = toSource(`finding of ${caseId}`, Buffer.from(toFindingReport(opened)));
    await intake.importFrom(source, { format: 'json', origin: 'campaign' });
  };
}

/** Completes a release that a killed process left, under the kind of clock its case has. */
async function publishRelease(services: Services, id: string): ReturnType<Publishing['publish']> {
  const opened = await services.publishing.caseOf(id);
  if (!opened) return services.publishing.publish(id);
  return services.publishingFor(opened, createCompressedClock(lastInstant(opened.history))).publish(id);
}

/** A demonstration's clock stands where its history ends. */
const lastInstant = (history: OpenedCase['history']): Date =>
  new Date(Math.max(...history.map(({ at }) => at.getTime())));
