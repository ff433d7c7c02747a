/**
 * Puts advisories where the world reads them, and nothing else.
 *
 *   release()            publish()
 *   two signatures ────▶ proof of logging, judgement ────▶ files ────▶ commitment opened, advisory logged
 *   one transaction      accepted, case disclosed          repeatable    one transaction
 *                        one transaction
 *
 * A process killed anywhere leaves a release that the next call of `publish` completes without doing anything twice.
 */
import type { Disclosure, OpenedCase } from '../disclosure/index.ts';
import { advisoryIdOf } from '../disclosure/index.ts';
import type { AdvisoryPublisher } from '../formats/advisory-record.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { FINDING_FIELDS, formatVerifierKey, proveByName, type Tlog, trustOnly } from '../tlog/index.ts';
import { type Documents, hashesOf, toDocuments } from './advisory-documents.ts';
import { feedText, providerText, securityText } from './feed.ts';
import { createReleaseKeyFiles } from './key-file-client.ts';
import { createPublicTree } from './public-tree-client.ts';
import { RELEASE_VALID_DAYS, type ReleaseFacts, type ReleaseRefusal } from './release.ts';
import { verifyRelease } from './release-service.ts';
import { createReleaseStore, listFeed, type ReleaseId, type StoredRelease } from './release-store.ts';

export const PUBLISH_JOB = 'publish.release';

export interface PublishingDependencies {
  readonly database: Database;
  /** The world's clock, whatever clock a case runs under: documents and releases bear real dates. */
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'sealJson' | 'openJson'>;
  readonly log: Tlog;
  /** Under the same kind of clock as the cases it publishes. */
  readonly disclosure: Disclosure;
  readonly home: string;
  readonly publisher: AdvisoryPublisher;
}

export type PublishRefusal =
  | ReleaseRefusal
  | { readonly kind: 'no-such-case'; readonly id: string }
  | { readonly kind: 'no-such-release'; readonly id: string }
  | { readonly kind: 'not-accepted'; readonly because: string };

export interface Signing {
  readonly signers: readonly [Ed25519Signer, Ed25519Signer];
  /** Both keys are held by one person. */
  readonly onePerson: boolean;
}

export type Publishing = ReturnType<typeof createPublishing>;

export function createPublishing(parts: PublishingDependencies) {
  const { database, disclosure } = parts;
  return {
    /** Signs a case's documents for publication, and says so in the log. Signed twice is signed once. */
    release: (caseId: string, signing: Signing): Promise<Result<ReleaseId, PublishRefusal>> =>
      database.transaction((tx) => release(tx, parts, caseId, signing)),

    /** Completes a release, wherever it was left. */
    async publish(id: string): Promise<Result<{ readonly advisory: string }, PublishRefusal>> {
      const stored = await createReleaseStore(database).find(id);
      if (!stored) return refuse({ kind: 'no-such-release', id });
      const opened = await disclosure.find(stored.caseId);
      if (!opened) return refuse({ kind: 'no-such-case', id: stored.caseId });
      const advisory = advisoryIdOf(opened.case);
      if (stored.state === 'published') return ok({ advisory });
      if (stored.state === 'refused') return refuse({ kind: 'not-accepted', because: stored.trouble ?? '' });
      const proof = await prove(parts, stored);
      const accepted = await accept(parts, stored, proof);
      if (!accepted.ok) return accepted;
      await writeFiles(parts, accepted.value.documents, { path: proofPath(advisory), text: proof.toString('utf8') });
      await complete(parts, id, accepted.value);
      await parts.log.sequence();
      return ok({ advisory });
    },

    /** The documents as they were published last; undefined before. */
    documents: (opened: OpenedCase): Promise<Documents | undefined> =>
      database.transaction(async (tx) => {
        const stored = await createReleaseStore(tx).findPublished(opened.case.id);
        return stored && readDocuments(tx, parts, stored);
      }),

    /** The release of a case that is signed and not out yet. */
    findOpen: async (caseId: string): Promise<ReleaseId | undefined> =>
      (await createReleaseStore(database).findOpen(caseId))?.id,

    /** The case a release belongs to. */
    async caseOf(id: string): Promise<OpenedCase | undefined> {
      const stored = await createReleaseStore(database).find(id);
      return stored && disclosure.find(stored.caseId);
    },

    /** What was signed and is not out yet. */
    unfinished: (): Promise<readonly ReleaseId[]> => createReleaseStore(database).listUnfinished(),

    /** The files that stand whether or not there is an advisory. */
    writeStanding: (): Promise<void> => writeStanding(parts),

    /** Before this no attempt to publish it can succeed. */
    async dueAt(id: string): Promise<Date | undefined> {
      const stored = await createReleaseStore(database).find(id);
      const it = stored && (await disclosure.find(stored.caseId))?.case;
      const deadline = it && 'dueAt' in it ? (it.dueAt?.getTime() ?? 0) : 0;
      return stored && new Date(Math.max(stored.notBefore.getTime(), deadline));
    },
  };
}

async function release(
  tx: Transaction,
  parts: PublishingDependencies,
  caseId: string,
  { signers, onePerson }: Signing,
): Promise<Result<ReleaseId, PublishRefusal>> {
  const { clock, random, vault, log, disclosure } = parts;
  const opened = await disclosure.findIn(tx, caseId);
  if (!opened) return refuse({ kind: 'no-such-case', id: caseId });
  const releases = createReleaseStore(tx);
  const existing = await releases.findOpen(caseId);
  if (existing) return ok(existing.id);
  if (!(await disclosure.mayDisclose(tx, opened.case))) return refuse({ kind: 'under-embargo' });

  const now = clock.now();
  const earlier = await releases.findFirstPublished(caseId);
  const releasedBy = onePerson ? 'one person' : 'two persons';
  const record = { ...disclosure.toRecord(opened, 'final', now), releasedBy } as const;
  // A later release is the next revision of the same advisory.
  const documents = toDocuments(earlier ? { ...record, revision: earlier.count + 1, createdAt: earlier.at } : record);
  const facts: ReleaseFacts = {
    advisory: advisoryIdOf(opened.case),
    kind: opened.case.kind,
    commitment: opened.commitment.id,
    sequence: (await releases.lastSequence(caseId)) + 1,
    notBefore: now.toISOString(),
    notAfter: addDays(now, RELEASE_VALID_DAYS).toISOString(),
    opens: FINDING_FIELDS,
    releasedBy,
  };
  const said = { type: 'release', subject: caseId, documents: hashesOf(documents), facts: { ...facts } } as const;
  const entry = await log.append(tx, said, signers);
  if (!entry.ok) return refuse({ kind: 'not-logged', because: entry.refusal.kind });
  const id = createId('release', random);
  await releases.insert({
    id,
    caseId: opened.case.id,
    sequence: facts.sequence,
    entryId: entry.value,
    documents: await vault.sealJson(tx, opened.keyId, [...documents], `documents ${id}`),
    keyId: opened.keyId,
    notBefore: now,
    signedAt: now,
  });
  await disclosure.note(tx, opened, 'release-signed', releasedBy);
  // Under a compressed clock nothing waits in the background: who makes the days pass also publishes.
  if (disclosure.time === 'real') await addJob(tx, PUBLISH_JOB, { release: id }, { key: id });
  return ok(id);
}

/** Makes the statement a leaf if it is none yet, and proves that it is one. */
async function prove({ log }: PublishingDependencies, stored: StoredRelease): Promise<Buffer> {
  await log.sequence();
  const place = await log.findEntry(stored.entryId);
  if (place?.index === undefined) throw new Error(`the release ${stored.id} has not become a leaf of the log`);
  const proven = await proveByName(log.directory, String(place.index), { key: formatVerifierKey(log.logKey) });
  if (!proven.ok) throw new Error(`the release ${stored.id} cannot be proven: ${proven.refusal.kind}`);
  return Buffer.from(proven.value.proof);
}

interface Accepted {
  readonly facts: ReleaseFacts;
  readonly documents: Documents;
}

/** Refusals that time alone can lift; every other one condemns the release. */
const MAY_PASS: ReadonlySet<string> = new Set(['too-early', 'under-embargo']);

async function accept(
  parts: PublishingDependencies,
  stored: StoredRelease,
  proof: Uint8Array,
): Promise<Result<Accepted, PublishRefusal>> {
  const { database, clock, log, disclosure, home } = parts;
  return database.transaction(async (tx) => {
    const releases = createReleaseStore(tx);
    const current = await releases.lock(stored.id);
    const opened = await disclosure.findIn(tx, stored.caseId);
    if (!current || !opened) throw new Error(`the release ${stored.id} vanished`);
    const documents = await readDocuments(tx, parts, current);
    const outcome = verifyRelease(proof, documents, trustOnly(log.logKey), {
      caseId: stored.caseId,
      advisory: advisoryIdOf(opened.case),
      kind: opened.case.kind,
      commitment: opened.commitment.id,
      lastSequence: await releases.lastAccepted(stored.caseId, stored.id),
      mayDisclose: await disclosure.mayDisclose(tx, opened.case),
      keys: await createReleaseKeyFiles(home).publicKeys(opened.case.kind),
      // What was accepted in time stays so, however long its completion takes.
      now: current.acceptedAt ?? clock.now(),
    });
    if (!outcome.ok) {
      if (current.state === 'signed' && !MAY_PASS.has(outcome.refusal.kind)) {
        await releases.markRefused(stored.id, outcome.refusal.kind);
      }
      return outcome;
    }
    const accepted = { facts: outcome.value, documents };
    if (current.state === 'signed') {
      const item = feedItem(accepted, disclosure.toRecord(opened, 'final', clock.now()).title, clock.now());
      await releases.markAccepted(stored.id, item, clock.now());
      if (opened.case.stage !== 'disclosed') {
        const disclosed = await disclosure.takeIn(tx, 'disclose', stored.caseId, { actor: 'release' });
        if (!disclosed.ok) throw new Error(`${stored.caseId} may be disclosed and may not: ${disclosed.refusal.kind}`);
      }
    }
    return ok(accepted);
  });
}

async function readDocuments(
  tx: Transaction,
  { vault }: PublishingDependencies,
  { id, keyId, documents }: StoredRelease,
): Promise<Documents> {
  return new Map(await vault.openJson<[string, string][]>(tx, keyId, documents, `documents ${id}`));
}

function feedItem({ facts, documents }: Accepted, title: string, now: Date) {
  const mark = facts.kind === 'demonstration' ? '[DEMONSTRATION] ' : '';
  const { advisory, kind, releasedBy } = facts;
  return { advisory, kind, releasedBy, title: `${mark}${title}`, publishedAt: now, documents: hashesOf(documents) };
}

async function writeFiles(
  parts: PublishingDependencies,
  documents: Documents,
  proof: { readonly path: string; readonly text: string },
): Promise<void> {
  const tree = createPublicTree(parts.home, parts.random);
  for (const [path, text] of documents) await tree.write(path, text);
  await tree.write(proof.path, proof.text);
  await writeStanding(parts);
}

async function writeStanding({ home, random, publisher, database, clock }: PublishingDependencies): Promise<void> {
  const tree = createPublicTree(home, random);
  // Two publications at once must not leave the older list behind: listed and written one after the other.
  await database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('headstart feed'))`);
    await tree.write('feed.json', feedText(publisher, await listFeed(tx)));
  });
  await tree.write('.well-known/security.txt', securityText(publisher, clock.now()));
  await tree.write('.well-known/csaf/provider-metadata.json', providerText(publisher, clock.now()));
}

/** Opens the commitment and names the published bytes in the log, once. */
async function complete(parts: PublishingDependencies, id: string, { facts, documents }: Accepted): Promise<void> {
  const { database, clock, log, disclosure } = parts;
  await database.transaction(async (tx) => {
    const releases = createReleaseStore(tx);
    const current = await releases.lock(id);
    if (current?.state !== 'accepted') return;
    const opened = await disclosure.findIn(tx, current.caseId);
    if (!opened) throw new Error(`the case ${current.caseId} vanished`);
    if (opened.commitment.endedAt === null) {
      const sealed = await disclosure.readSealed(tx, opened);
      const entry = await log.open(tx, opened.commitment.id, sealed);
      if (!entry.ok) throw new Error(`the commitment of ${current.caseId} cannot be opened: ${entry.refusal.kind}`);
      await disclosure.endCommitment(tx, opened.commitment.id, 'opened');
    }
    const { advisory, kind, releasedBy, commitment, sequence } = facts;
    const said = { type: 'advisory', subject: advisory, documents: hashesOf(documents) } as const;
    const entry = await log.append(tx, {
      ...said,
      facts: { kind, releasedBy, commitment, sequence, release: current.entryId },
    });
    if (!entry.ok) throw new Error(`the advisory ${advisory} cannot be logged: ${entry.refusal.kind}`);
    await releases.markPublished(id, clock.now());
    await disclosure.note(tx, opened, 'published', 'publisher');
  });
}

const proofPath = (advisory: string): string => `advisories/proofs/${advisory.toLowerCase()}.tlog-proof`;
