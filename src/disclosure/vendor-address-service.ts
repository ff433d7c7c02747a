/**
 * Who a report goes to. The coordinator names the vendor's address (mail, a forge, CERT/CC, a webhook) with the step
 * that notifies; it is kept encrypted under the case's key, and the history says that it was named but not what it is.
 */
import { readAddress } from '../contact/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { type Case, isRealCase } from './case.ts';
import type { Step } from './case-step.ts';
import { createCaseStore } from './case-store.ts';
import { createDetailsStore } from './details-store.ts';
import type { Contact } from './finding.ts';

export type AddressRefusal =
  /** A demonstration reaches nobody, so it learns nobody's address. */
  | { readonly kind: 'demonstration-has-no-address' }
  | { readonly kind: 'no-such-address' }
  | { readonly kind: 'address-without-report'; readonly step: Step };

export function mayBeAddressed(it: Case, step: Step, address: string): Result<undefined, AddressRefusal> {
  if (!isRealCase(it)) return refuse({ kind: 'demonstration-has-no-address' });
  if (step !== 'notify') return refuse({ kind: 'address-without-report', step });
  return readAddress(address) ? ok(undefined) : refuse({ kind: 'no-such-address' });
}

/** In the transaction of the step, before the report is rendered. */
export async function addressVendor(
  tx: Transaction,
  { vault }: { readonly vault: Pick<Vault, 'sealJson' | 'openJson'> },
  it: Case,
  { address, actor, now }: { readonly address: string; readonly actor: string; readonly now: Date },
): Promise<void> {
  const cases = createCaseStore(tx);
  const { keyId } = await createDetailsStore(tx).get(it.id);
  for (const { id } of it.parties.filter(({ role }) => role === 'vendor')) {
    const sealed = await cases.findContact(id);
    if (!sealed) throw new Error(`the party ${id} has no contact`);
    const before = await vault.openJson<Contact>(tx, keyId, sealed, `contact ${id}`);
    const after: Contact = { ...before, address };
    await cases.replaceContact(id, await vault.sealJson(tx, keyId, after, `contact ${id}`));
  }
  await cases.recordEvent(it, { version: null, event: 'vendor-addressed', actor, at: now, note: '' });
}
