/** The demonstration of a release, joined: a mock provider, a gateway of its own while it runs, and what the records say. */
import type { AddressInfo } from 'node:net';
import type { ReleaseShown } from './campaign/index.ts';
import {
  DEMONSTRATION_MODEL,
  type Demonstrated,
  type DemonstrationProvider,
  demonstrate,
  type InstallationRecords,
  startDemonstrationProvider,
} from './demonstration/index.ts';
import sample from './demonstration/sample-evaluation.json' with { type: 'json' };
import { OPERATOR } from './disclosure/index.ts';
import { readInspectLog } from './formats/inspect-log.ts';
import { openGate } from './gate.ts';
import type { Json } from './lib/canonical-json.ts';
import type { Parts } from './parts.ts';
import { endOf, measureHeadStart, toMetrics } from './policy/index.ts';
import type { Tier } from './program/index.ts';
import { openProgramme } from './programme.ts';
import { openRelease, readFindings } from './releases.ts';
import type { Attestation, SandboxProfile } from './sandbox/index.ts';
import type { Services } from './services.ts';

/** What the campaign came to, as far as the demonstration rests on it. */
export interface CampaignRecords {
  readonly patchesVerified: number;
  readonly cases: number;
  readonly commitments: number;
  readonly logVerified: boolean;
}

export type Demonstrating = ReturnType<typeof createDemonstrating>;

export function createDemonstrating(parts: Parts, services: () => Promise<Services>) {
  const { clock, terminal, onClose } = parts;
  const programme = parts.once(() => openProgramme(parts));
  const releases = parts.once(() => openRelease(parts, services));
  let attesting: Promise<Attestation> | undefined;
  let provider: DemonstrationProvider | undefined;
  const start = async (port?: number): Promise<DemonstrationProvider> => {
    if (provider) return provider;
    const started = await startDemonstrationProvider(port);
    onClose(() => started.close());
    provider = started;
    return started;
  };
  const prepare = (profile: SandboxProfile): Promise<Attestation> => {
    attesting ??= attest(parts, profile);
    return attesting;
  };
  return {
    /** Begun while the campaign still works: it needs nothing that is found. Fails where `run` is awaited. */
    prepare: (profile: SandboxProfile): void => void prepare(profile).catch(() => {}),

    async run(profile: SandboxProfile, campaign: CampaignRecords): Promise<ReleaseShown> {
      const begunMs = performance.now();
      const [{ membership, keys, stops, ledger, vetting }, { release, adoptions, incidents, evidence }, log] =
        await Promise.all([programme(), releases(), parts.log()]);
      const known = await membership.findModel(DEMONSTRATION_MODEL);
      // A port that somebody else took meanwhile is given up: the model is put under the new one.
      const { url: providerUrl } = await start(known && portOf(known.url)).catch(() => start());
      const attestation = await attestAlone(parts, profile, await prepare(profile));
      const records = await readRecords(await services(), campaign, attestation, clock.now());
      const approve = async (organisation: string, tier: Tier): Promise<void> => {
        const approved = await vetting.approveAsOperator(organisation, tier, OPERATOR);
        if (!approved.ok) throw new Error(`${organisation} was not approved: ${approved.refusal.kind}`);
      };
      const shown = await withGate(parts, (gatewayUrl) =>
        demonstrate(
          {
            ...{ clock, membership, keys, stops, ledger, release, adoptions, incidents, evidence, log, approve },
            ...{ providerUrl, gatewayUrl, say: terminal.say, monotonicMs: () => performance.now() },
          },
          records,
        ),
      );
      return toShown(shown, (performance.now() - begunMs) / 1_000);
    },

    /** Where the model is known, its provider answers again under the address that the model has. */
    async serveProvider(): Promise<void> {
      const known = await (await programme()).membership.findModel(DEMONSTRATION_MODEL);
      if (!known) return;
      await start(portOf(known.url)).catch((error: Error) =>
        terminal.say(`the mock provider of ${DEMONSTRATION_MODEL} does not answer: ${error.message}`),
      );
    },

    /** What gateways obey now; undefined where it was never demonstrated. */
    async status() {
      const { release, incidents } = await releases();
      const isKnown = (await release.listModels()).some(({ id }) => id === DEMONSTRATION_MODEL);
      if (!isKnown) return undefined;
      const { model, stage, decided, suspensions } = await release.stageOf(DEMONSTRATION_MODEL);
      return {
        ...{ model, stage: stage ?? 'closed', decided: decided?.stage, decisionSha256: decided?.decision },
        endsAt: decided?.endsAt ?? undefined,
        suspendedBy: suspensions.map(({ kind }) => kind),
        incidents: (await incidents.list())
          .filter((each) => each.model === model)
          .map(({ id, severity, state, openedAt }) => ({ id, severity, state, openedAt })),
      };
    },
  };
}

function toShown({ restored, ...shown }: Demonstrated, seconds: number): ReleaseShown {
  const { model, stage, decisionSha256, replayed, refusedAfterMs } = shown;
  const isRestored = restored.internalAnswered && restored.partnerWaited && restored.partnerAnswered;
  return { model, stage, decisionSha256, replayed, refusedAfterMs, restored: isRestored, seconds };
}

const portOf = (url: string): number => Number(new URL(url).port);

async function attest(parts: Parts, profile: SandboxProfile): Promise<Attestation> {
  const attested = await (await parts.sandbox(profile)).attest();
  if (!attested.ok) throw new Error(`the sandbox was not attested: ${attested.refusal.layer}`);
  return attested.value;
}

/** A probe that gave no answer beside a campaign at work is tried once more, alone; that it was is part of the record. */
async function attestAlone(parts: Parts, profile: SandboxProfile, { probes, stopped, failed }: Attestation) {
  if (failed.length === 0) return { probes, stopped, failed, attempt: 1, failedBefore: [] };
  const again = await attest(parts, profile);
  return { ...again, attempt: 2, failedBefore: failed };
}

/** Of this installation, whatever kind its cases are; what maintainers did is of demonstrations, and typed so. */
async function readRecords(
  services: Services,
  { patchesVerified, cases, commitments, logVerified }: CampaignRecords,
  attestation: InstallationRecords['attestation'],
  now: Date,
): Promise<InstallationRecords> {
  const { disclosure, log } = services;
  const reproductions: boolean[] = [];
  for (const { id } of await disclosure.list()) {
    const opened = await disclosure.find(id);
    const { reproduced = 0, of = 0 } = opened?.finding.reproduction ?? {};
    reproductions.push(of >= 3 && reproduced === of);
  }
  const evaluation = readInspectLog(sample as Json);
  if (!evaluation.ok)
    throw new Error(`the sample evaluation at ${evaluation.refusal.place}: ${evaluation.refusal.why}`);
  const inFull = reproductions.filter((each) => each).length;
  const found = await readFindings(services, 'demonstration');
  if (!found.ok) throw new Error(`the log does not verify: ${found.refusal.kind}`);
  const headStart = measureHeadStart(found.value.findings, endOf(found.value.findings, now));
  return {
    findings: { confirmed: reproductions.length, inFull, cases, commitments },
    patchesVerified,
    metrics: toMetrics(headStart, now, 'simulated'),
    attestation,
    log: { verified: logVerified, size: (await log.head()).size },
    evaluation: { log: evaluation.value, document: sample as Json },
  };
}

/** A gateway like any other, on a free port, that ends with the work. */
async function withGate<T>(parts: Parts, work: (url: string) => Promise<T>): Promise<T> {
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const { server } = await openGate({ ...parts, onClose: (close) => void closers.push(close) });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
