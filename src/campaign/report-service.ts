/** What came of a campaign, read from the records alone: the summary, and what the status page shows. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { advisoryIdOf, type Disclosure, isDemonstration, type OpenedCase } from '../disclosure/index.ts';
import type { Candidate } from '../finder/index.ts';
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Clock } from '../lib/clock.ts';
import { documentPaths } from '../publish/index.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { formatVerifierKey, type Tlog, verifyLog } from '../tlog/index.ts';
import type { ConfirmedFinding, FindingId } from '../verify/index.ts';
import { type Campaign, type CampaignId, createCampaignStore, type TargetRow } from './campaign-store.ts';
import { openCandidate } from './candidate-seal.ts';
import { type CandidateRow, createCandidateStore } from './candidate-store.ts';
import type { CampaignStatus, DemonstrationStatus } from './status.ts';
import type { CampaignSummary } from './summary.ts';

export interface CampaignReportParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly disclosure: Disclosure;
  readonly log: Tlog;
  /** Path of the page of a demonstration’s simulated maintainer. */
  readonly pageOf: (caseId: string, partyId: string) => string;
  /** `<HOME>/public`. */
  readonly publicDirectory: string;
}

/** A confirmed finding, or what a candidate was rejected for. */
export type ScanLine =
  | { readonly status: 'confirmed'; readonly id: FindingId; readonly finding: ConfirmedFinding }
  | ({ readonly status: 'rejected' | 'candidate'; readonly id: string; readonly reason: string } & Pick<
      Candidate,
      'target' | 'flaw' | 'entry' | 'sink' | 'oracle'
    >);

interface Gathered {
  readonly campaign: Campaign;
  readonly targets: readonly TargetRow[];
  readonly cases: readonly OpenedCase[];
}

export type CampaignReports = ReturnType<typeof createCampaignReports>;

export function createCampaignReports(parts: CampaignReportParts) {
  return {
    /** Makes the log whole first: what is promised counts as committed only once it is a leaf. */
    async summarise(id: CampaignId): Promise<CampaignSummary & { readonly logDetail: string }> {
      const gathered = await gather(parts, id);
      await parts.log.sequence();
      const verified = await verifyLog(parts.log.directory, { key: formatVerifierKey(parts.log.logKey) });
      const logged = new Set(verified.ok ? verified.value.commitments.map(({ id: commitment }) => commitment) : []);
      const summary = {
        ...toSummary(parts, gathered, logged),
        advisories: await countPublished(parts, gathered.cases),
      };
      const detail = verified.ok ? `root ${hex(verified.value.checkpoint.root)}` : `refused: ${verified.refusal.kind}`;
      return { ...summary, logVerified: verified.ok, logDetail: detail };
    },

    /** One line for each case and each rejected candidate of the campaign, in the order of its targets. */
    async lines(id: CampaignId): Promise<readonly ScanLine[]> {
      const lines: ScanLine[] = [];
      const told = new Set<string>();
      for (const row of await createCandidateStore(parts.database, parts.vault).listOf(id)) {
        const caseId = caseOf(row);
        if (caseId === undefined) {
          lines.push(toOpenLine(parts.vault, row));
        } else if (!told.has(caseId)) {
          told.add(caseId);
          const opened = await parts.disclosure.find(caseId);
          if (opened) lines.push({ status: 'confirmed', id: opened.findingId, finding: opened.finding });
        }
      }
      return lines;
    },

    /** Of the newest campaign of any kind that shows something; undefined where none has run. */
    async status(): Promise<CampaignStatus | undefined> {
      const store = createCampaignStore(parts.database, parts.vault);
      // A scan shows nothing here: its target beside a number of sealed cases would tell which package has a flaw.
      const campaign = await store.findLatest('demonstration');
      if (!campaign) return undefined;
      const { targets, cases } = await gather(parts, campaign.id);
      const demonstrations = cases.filter(({ case: it }) => isDemonstration(it));
      const all = await parts.disclosure.list();
      const { size, root } = await parts.log.head();
      return {
        generatedAt: parts.clock.now(),
        campaign: {
          id: campaign.id,
          kind: campaign.kind,
          sandboxProfile: campaign.sandboxProfile,
          startedAt: campaign.startedAt,
          finishedAt: campaign.finishedAt,
          summary: campaign.summary,
        },
        targets: targets.map(({ target, state, reason, cost }) => ({ target, state, reason, cpuMs: cost?.cpuMs })),
        demonstrations: demonstrations.map((it) => toDemonstration(parts, it)),
        sealedCases: all.filter(({ kind, stage }) => kind === 'real' && stage !== 'disclosed').length,
        log: { origin: parts.log.origin, size, root },
        onePerson: true,
      };
    },
  };
}

const caseOf = ({ outcome }: CandidateRow): string | undefined =>
  outcome && outcome.state !== 'rejected' ? outcome.caseId : undefined;

/** A candidate that became no finding: rejected with its reason, or not decided yet. */
function toOpenLine(vault: Vault, row: CandidateRow): ScanLine {
  const { target, flaw, entry, sink, oracle } = openCandidate(vault, row);
  const rejected = row.outcome?.state === 'rejected' ? row.outcome : undefined;
  const reason = rejected?.reason ?? 'not verified yet';
  return { status: rejected ? 'rejected' : 'candidate', id: row.id, target, flaw, entry, sink, oracle, reason };
}

async function gather({ database, vault, disclosure }: CampaignReportParts, id: CampaignId): Promise<Gathered> {
  const campaign = await createCampaignStore(database, vault).find(id);
  if (!campaign) throw new Error(`there is no campaign ${id}`);
  const targets = await createCampaignStore(database, vault).listTargets(id);
  const candidates = await createCandidateStore(database, vault).listOf(id);
  const caseIds = new Set(candidates.flatMap((row) => caseOf(row) ?? []));
  const cases: OpenedCase[] = [];
  for (const caseId of caseIds) {
    const opened = await disclosure.find(caseId);
    if (!opened) throw new Error(`the case ${caseId} of ${id} is gone`);
    cases.push(opened);
  }
  return { campaign, targets, cases };
}

/** Classes are counted of demonstrations only: the class of a sealed case is part of what is sealed. */
function toSummary({ clock }: CampaignReportParts, gathered: Gathered, logged: ReadonlySet<string>): CampaignSummary {
  const { campaign, targets, cases } = gathered;
  const byClass: Partial<Record<FlawClass, number>> = {};
  for (const { case: it, finding } of cases) {
    if (isDemonstration(it)) byClass[finding.flaw] = (byClass[finding.flaw] ?? 0) + 1;
  }
  const patched = cases.filter(({ learnt }) => learnt.patch !== null);
  const notRun = patched.filter(({ learnt }) => (learnt.ownTests?.outcome ?? 'not-run') === 'not-run');
  return {
    targets: targets.filter(({ state }) => state === 'scanned').length,
    confirmed: cases.length,
    byClass,
    cases: cases.length,
    commitments: cases.filter(({ commitment }) => logged.has(commitment.id)).length,
    advisories: 0,
    patchesVerified: patched.length,
    ownTests: { noWorse: patched.length - notRun.length, notRun: notRun.length },
    logVerified: false,
    seconds: ((campaign.finishedAt ?? clock.now()).getTime() - campaign.startedAt.getTime()) / 1000,
  };
}

/** Cases whose documents stand below `public/`, all of them: a disclosed case whose files are missing does not count. */
async function countPublished({ publicDirectory }: CampaignReportParts, cases: readonly OpenedCase[]): Promise<number> {
  let published = 0;
  for (const { case: it } of cases) {
    if (it.stage !== 'disclosed') continue;
    const files = documentPaths(advisoryIdOf(it)).map((path) => access(join(publicDirectory, path)));
    if ((await Promise.allSettled(files)).every(({ status }) => status === 'fulfilled')) published += 1;
  }
  return published;
}

function toDemonstration(
  { pageOf }: CampaignReportParts,
  { case: it, finding, learnt, history }: OpenedCase,
): DemonstrationStatus {
  const told = history.some(({ event }) => event === 'notify');
  const vendor = it.parties.find(({ role }) => role === 'vendor');
  return {
    caseId: it.id,
    target: finding.target,
    flaw: finding.flaw,
    knownAs: learnt.knownAs.join(', '),
    state: it.stage,
    severity: `${finding.severity.score} (CVSS 4.0)`,
    embargoEndsAt: ('dueAt' in it ? it.dueAt : null) ?? undefined,
    maintainerPage: told && vendor ? pageOf(it.id, vendor.id) : undefined,
    documents: it.stage === 'disclosed' ? documentPaths(advisoryIdOf(it)) : [],
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').slice(0, 16);
