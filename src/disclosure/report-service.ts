/**
 * Hands a report to the outbox: rendered, kept as it was rendered, and written as a message, in the transaction that
 * decides to send it.
 */
import { type Outbox, readAddress, readPublicKey } from '../contact/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Party } from './case.ts';
import type { OpenedCase } from './case-view-service.ts';
import { type Contact, packageOf } from './finding.ts';
import type { Report } from './report.ts';
import { createReportStore } from './report-store.ts';

export interface ReportParts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'seal'>;
  readonly outbox: Pick<Outbox, 'post'>;
}

/** Whom a report goes to. */
export interface Vendor {
  readonly partyId: Party['id'];
  readonly contact: Contact;
}

export interface PostedReport extends Vendor {
  readonly opened: OpenedCase;
  readonly report: Report;
}

/** What is no mail takes everything that comes for a report of its own. */
export interface NoReminder {
  readonly kind: 'only-by-hand';
  readonly channel: string;
}

export async function postReport(tx: Transaction, parts: ReportParts, posted: PostedReport): Promise<void> {
  const { opened, partyId, contact, report } = posted;
  const messageId = await post(tx, parts, opened, contact, report);
  const id = createId('report', parts.random);
  await createReportStore(tx).insert({
    id,
    caseId: opened.case.id,
    partyId,
    messageId,
    renderedAt: parts.clock.now(),
    sha256: sha256Hex(report.text),
    sealed: await parts.vault.seal(tx, opened.keyId, Buffer.from(report.text), `report ${id}`),
  });
}

/** Refused as a whole where one of them cannot be reached by mail. */
export async function postReminders(
  tx: Transaction,
  parts: ReportParts,
  opened: OpenedCase,
  vendors: readonly Vendor[],
  letter: Report,
): Promise<Result<null, NoReminder>> {
  for (const { contact } of vendors) {
    const channel = contact.address === null ? 'smtp' : readAddress(contact.address)?.channel;
    if (channel !== 'smtp') return refuse({ kind: 'only-by-hand', channel: channel ?? 'none' });
  }
  for (const { contact } of vendors) await post(tx, parts, opened, contact, letter);
  return ok(null);
}

async function post(
  tx: Transaction,
  parts: ReportParts,
  { case: it, keyId, finding }: OpenedCase,
  contact: Contact,
  letter: Report,
): ReturnType<Outbox['post']> {
  const named = packageOf(finding);
  const key = contact.publicKey === undefined ? undefined : await readPublicKey(contact.publicKey);
  // Never in the clear because a key has run out since it was named.
  if (key && !key.ok) throw new Error(`the key of a vendor of ${it.id} cannot be used: ${key.refusal.why}`);
  return await parts.outbox.post(tx, {
    matter: it,
    keyId,
    address: contact.address === null ? undefined : readAddress(contact.address),
    content: {
      ...letter,
      severity: finding.severity.severity,
      cwe: FLAW_CLASSES[finding.flaw].cwe,
      package: { type: 'npm', name: named.name, version: named.version },
    },
    ...(key && { encryptTo: key.value }),
    ...(contact.publicAgreedBy !== undefined && { agreedBy: contact.publicAgreedBy }),
  });
}
