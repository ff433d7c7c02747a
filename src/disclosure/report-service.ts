/**
 * Hands a report to the outbox: rendered, kept as it was rendered, and written as a message, in the transaction that
 * decides to send it.
 */
import { type Outbox, readAddress, readPublicKey } from '../contact/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
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

export interface PostedReport {
  readonly opened: OpenedCase;
  readonly partyId: string;
  readonly contact: Contact;
  readonly report: Report;
}

export async function postReport(tx: Transaction, parts: ReportParts, posted: PostedReport): Promise<void> {
  const { opened, partyId, contact, report } = posted;
  const { case: it, keyId, finding } = opened;
  const named = packageOf(finding);
  const key = contact.publicKey === undefined ? undefined : await readPublicKey(contact.publicKey);
  // Never in the clear because a key has run out since it was named.
  if (key && !key.ok) throw new Error(`the key of ${partyId} cannot be used: ${key.refusal.why}`);
  const messageId = await parts.outbox.post(tx, {
    matter: it,
    keyId,
    address: contact.address === null ? undefined : readAddress(contact.address),
    content: {
      ...report,
      severity: finding.severity.severity,
      cwe: FLAW_CLASSES[finding.flaw].cwe,
      package: { type: 'npm', name: named.name, version: named.version },
    },
    ...(key && { encryptTo: key.value }),
    ...(contact.publicAgreedBy !== undefined && { agreedBy: contact.publicAgreedBy }),
  });
  const id = createId('report', parts.random);
  await createReportStore(tx).insert({
    id,
    caseId: it.id,
    partyId,
    messageId,
    renderedAt: parts.clock.now(),
    sha256: sha256Hex(report.text),
    sealed: await parts.vault.seal(tx, keyId, Buffer.from(report.text), `report ${id}`),
  });
}
