/** One gateway of an installation, joined: what it knows, what it may spend, what it writes down. */
import { PROVIDER_KEY, PROVIDER_VARIABLE } from './demonstration/index.ts';
import { createGateway, createUpstreams, type Gateway } from './gateway/index.ts';
import {
  createAdmittedReader,
  createHeadSayer,
  createPromptKeeper,
  openJournal,
  openReceiptKey,
  startRetention,
  toLostReceipt,
} from './journal/index.ts';
import { createLedger, createMeter, type LimitId } from './ledger/index.ts';
import { createId } from './lib/id.ts';
import { toSecret } from './lib/secret.ts';
import { keyPepper } from './membership/index.ts';
import type { Parts } from './parts.ts';
import { createPresenceStore, openAuthority } from './program/index.ts';
import { type CallFacts, createMetrics, createSpanExporter } from './telemetry/index.ts';

const monotonicMs = (): number => performance.now();

/** Everything is closed with the parts, the gateway first: it settles what is under way. */
export async function openGate(parts: Parts): Promise<Gateway> {
  const { clock, random, config, terminal, onClose } = parts;
  const [database, { path: home }, vault, log] = await Promise.all([
    parts.database(),
    parts.home(),
    parts.vault(),
    parts.log(),
  ]);
  // Heads of the journal that it promised to the log become leaves before it ends, where no worker did it.
  onClose(() => log.sequence());
  const gateway = createId('gateway', random);
  const onTrouble = (error: Error): void => terminal.say(`gateway: ${error.message}`);
  const upstreams = createUpstreams();
  onClose(() => upstreams.close());
  const signer = await openReceiptKey(home);
  const sayHead = createHeadSayer({ database, log });
  const prompts = createPromptKeeper({
    ...{ database, vault, clock, random, home, gateway, onTrouble },
    retentionDays: config.promptDays,
  });
  const journal = await openJournal({ home, gateway, clock, signer, sayHead, prompts, onTrouble });
  onClose(() => journal.close());
  const readAdmitted = createAdmittedReader<LimitId>(home, async (admit, admitted, of) => {
    const lost = toLostReceipt(admit, { admitted, by: gateway, at: clock.now() }, of);
    return (await journal.settle(lost)).text;
  });
  const meter = await createMeter({
    database,
    gateway,
    random,
    monotonicMs,
    wallMs: Date.now,
    readAdmitted,
    onTrouble,
  });
  onClose(() => meter.close());
  const authority = await openAuthority({
    ...{ clock, monotonicMs, url: database.url, pepper: keyPepper(vault) },
    onTrouble: (message) => terminal.say(`gateway: ${message}`),
  });
  onClose(() => authority.close());
  const { observe, metrics, refused } = openTelemetry(parts);
  const ledger = createLedger({ database, clock });
  const retention = startRetention({
    ...{ database, log, clock, home, onTrouble, publicKey: signer.publicKey },
    retentionDays: config.journalDays,
    hasOpenLease: (of) => ledger.hasOpenLease(of),
  });
  onClose(() => retention.stop());
  const running = createGateway({
    ...{ gateway, authority, meter, journal, upstreams, clock, monotonicMs, random, onTrouble, metrics },
    guards: [],
    origin: config.gatewayOrigin,
    presence: createPresenceStore(database),
    findPosting: (call) => ledger.findPosting(call),
    apiKey: (name) => (name === PROVIDER_VARIABLE ? toSecret(PROVIDER_KEY) : config.findSecret(name)),
    onEnd: observe,
    onRefusal: refused,
  });
  onClose(() => running.close());
  return running;
}

function openTelemetry({ config, random, onClose }: Parts) {
  const metrics = createMetrics();
  const spans = config.otlpEndpoint === undefined ? undefined : createSpanExporter(config.otlpEndpoint, random);
  if (spans) onClose(() => spans.close());
  return {
    observe(facts: CallFacts): void {
      metrics.observe(facts);
      spans?.add(facts);
    },
    metrics: metrics.text,
    refused: metrics.refused,
  };
}
