/**
 * Who a report goes to. The coordinator names the vendor's address (mail, a forge, CERT/CC, a webhook) with the step
 * that notifies; it is kept encrypted under the case's key, and the history says that it was named but not what it is.
 */
import { isPublicChannel, readAddress, readPublicKey } from '../contact/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import { type Case, isRealCase } from './case.ts';
import type { Step } from './case-step.ts';
import { createCaseStore } from './case-store.ts';
import { createDetailsStore } from './details-store.ts';
import type { Contact } from './finding.ts';

export type AddressRefusal =
  /** A demonstration reaches nobody, so it learns nobody's address. */
  | { readonly kind: 'demonstration-has-no-address' }
  | { readonly kind: 'no-such-address' }
  | { readonly kind: 'address-without-report'; readonly step: Step }
  | { readonly kind: 'no-public-key'; readonly why: string }
  /** Only mail is encrypted by us; the other channels are between the two sides. */
  | { readonly kind: 'key-without-mail' }
  /** A report that everybody can read takes a person who says so, */
  | { readonly kind: 'public-needs-a-person' }
  /** and a flaw that does little harm. */
  | { readonly kind: 'too-severe-for-public'; readonly severity: string };

export interface Addressed {
  readonly address: string;
  /** What mail is encrypted to. */
  readonly publicKey?: string | undefined;
  /** A person said that it may be public at once. */
  readonly mayBePublic?: boolean | undefined;
}

interface AddressParts {
  readonly vault: Pick<Vault, 'sealJson' | 'openJson'>;
}

export async function mayBeAddressed(
  tx: Transaction,
  { vault }: AddressParts,
  it: Case,
  step: Step,
  { address, publicKey, mayBePublic = false }: Addressed,
): Promise<Result<undefined, AddressRefusal>> {
  if (!isRealCase(it)) return refuse({ kind: 'demonstration-has-no-address' });
  if (step !== 'notify') return refuse({ kind: 'address-without-report', step });
  const to = readAddress(address);
  if (!to) return refuse({ kind: 'no-such-address' });
  if (publicKey !== undefined) {
    if (to.channel !== 'smtp') return refuse({ kind: 'key-without-mail' });
    const read = await readPublicKey(publicKey);
    if (!read.ok) return read;
  }
  if (!isPublicChannel(to.channel)) return ok(undefined);
  if (!mayBePublic) return refuse({ kind: 'public-needs-a-person' });
  const { keyId, finding } = await createDetailsStore(tx).get(it.id);
  const { severity } = (await vault.openJson<ConfirmedFinding>(tx, keyId, finding, `finding ${it.id}`)).severity;
  return severity === 'low' || severity === 'none'
    ? ok(undefined)
    : refuse({ kind: 'too-severe-for-public', severity });
}

/** In the transaction of the step, before the report is rendered. */
export async function addressVendor(
  tx: Transaction,
  { vault }: AddressParts,
  it: Case,
  { address, publicKey, mayBePublic, actor, now }: Addressed & { readonly actor: string; readonly now: Date },
): Promise<void> {
  const cases = createCaseStore(tx);
  const { keyId } = await createDetailsStore(tx).get(it.id);
  for (const { id } of it.parties.filter(({ role }) => role === 'vendor')) {
    const sealed = await cases.findContact(id);
    if (!sealed) throw new Error(`the party ${id} has no contact`);
    const before = await vault.openJson<Contact>(tx, keyId, sealed, `contact ${id}`);
    const after: Contact = {
      name: before.name,
      address,
      ...(publicKey !== undefined && { publicKey }),
      ...(mayBePublic && { publicAgreedBy: actor }),
    };
    await cases.replaceContact(id, await vault.sealJson(tx, keyId, after, `contact ${id}`));
  }
  await cases.recordEvent(it, { version: null, event: 'vendor-addressed', actor, at: now, note: '' });
}
