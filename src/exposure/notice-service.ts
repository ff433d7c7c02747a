/**
 * Head starts: partners that a case hits become parties of it, told by one letter each, under the rules of its embargo.
 * Who has agreed to keep silent in advance is bound at once and sees the flaw; anybody else is invited.
 */
import { type PublicKey, readAddress, readPublicKey } from '../contact/index.ts';
import type { InvitationRefusal, Invitations } from '../coordination/index.ts';
import { policyOf } from '../disclosure/index.ts';
import { isTimeZone } from '../lib/local-time.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import type { Instant } from '../timekeeping/index.ts';
import { isDirect } from './blast-radius.ts';
import {
  type ExposedProduct,
  type Exposure,
  type ExposureParts,
  isHit,
  keyOfPartner,
  type PartnerExposure,
} from './exposure.ts';
import { createExposureStore, type Partner } from './exposure-store.ts';
import { mayTellPartners, type NoticeRefusal } from './notice-rule.ts';

export interface PartnerContact {
  readonly name: string;
  /** Mail or a webhook. */
  readonly address: string;
  readonly zone: string;
  /** An age recipient or an armoured OpenPGP key. */
  readonly publicKey?: string;
}

export interface NoticeParts extends ExposureParts {
  readonly exposure: Pick<Exposure, 'showIn'>;
  readonly invitations: Pick<Invitations, 'inviteIn'>;
  readonly instants: { read(tx: Transaction): Promise<Instant> };
}

export interface Noticed {
  readonly organisationId: string;
  readonly outcome: 'told' | 'would-be-told' | 'told-before' | 'no-contact';
  readonly isBound: boolean;
  readonly partyId: string | null;
}

export type ContactRefusal = { readonly kind: 'no-such-address' | 'no-such-zone' | 'no-public-key' };
export type NoticesRefusal = NoticeRefusal | InvitationRefusal | { readonly kind: 'no-such-case'; readonly id: string };

export interface NoticeOptions {
  readonly actor: string;
  /** Tells who would be told, and changes nothing. */
  readonly dryRun?: boolean | undefined;
  readonly agreedWith?: string | undefined;
}

export type Notices = ReturnType<typeof createNotices>;

export function createNotices(parts: NoticeParts) {
  return {
    setContact: (organisationId: string, contact: PartnerContact): Promise<Result<undefined, ContactRefusal>> =>
      setContact(parts, organisationId, contact),

    /** That a partner keeps silent about whatever it is told of; null takes it back for cases to come. */
    setAgreement: (organisationId: string, by: string | null): Promise<void> =>
      parts.database.transaction(async (tx) => {
        await keyOfPartner(tx, parts, organisationId);
        const { at } = await parts.instants.read(tx);
        await createExposureStore(tx).saveAgreement(organisationId, by === null ? null : { at, by });
      }),

    /** Tells every partner that is hit and was not told before. */
    tell: (caseId: string, options: NoticeOptions): Promise<Result<readonly Noticed[], NoticesRefusal>> =>
      decide(parts.database, (tx) => tell(tx, parts, caseId, options)),
  };
}

const PRIVATE_CHANNELS: ReadonlySet<string> = new Set(['smtp', 'webhook']);

async function setContact(
  parts: NoticeParts,
  organisationId: string,
  contact: PartnerContact,
): Promise<Result<undefined, ContactRefusal>> {
  if (!PRIVATE_CHANNELS.has(readAddress(contact.address)?.channel ?? '')) return refuse({ kind: 'no-such-address' });
  if (!isTimeZone(contact.zone)) return refuse({ kind: 'no-such-zone' });
  if (contact.publicKey !== undefined && !(await readPublicKey(contact.publicKey)).ok) {
    return refuse({ kind: 'no-public-key' });
  }
  await parts.database.transaction(async (tx) => {
    const keyId = await keyOfPartner(tx, parts, organisationId);
    const sealed = await parts.vault.sealJson(tx, keyId, contact, contextOf(organisationId));
    await createExposureStore(tx).saveContact(organisationId, sealed);
  });
  return ok(undefined);
}

const contextOf = (organisationId: string): string => `contact of partner ${organisationId}`;

async function tell(
  tx: Transaction,
  parts: NoticeParts,
  caseId: string,
  options: NoticeOptions,
): Promise<Result<readonly Noticed[], NoticesRefusal>> {
  const it = await parts.findCase(tx, caseId);
  if (!it) return refuse({ kind: 'no-such-case', id: caseId });
  const allowed = mayTellPartners(it.case, policyOf(it.case.policy), options.agreedWith);
  if (!allowed.ok) return allowed;
  // Holds the case until the end: of two that tell at once, the second sees what the first did.
  const exposed = (await parts.exposure.showIn(tx, caseId)) ?? [];
  const store = createExposureStore(tx);
  const before = new Map((await store.listNotices(caseId)).map((each) => [each.organisationId, each.partyId]));
  const noticed: Noticed[] = [];
  for (const each of exposed.filter(({ products }) => products.some(isExposed))) {
    const told = await tellOne(tx, parts, caseId, each, { ...options, toldAs: before.get(each.organisationId) });
    if (!told.ok) return told;
    noticed.push(told.value);
  }
  return ok(noticed);
}

const isExposed = (product: ExposedProduct): boolean => isHit('yes')(product) || isHit('unknown')(product);

async function tellOne(
  tx: Transaction,
  parts: NoticeParts,
  caseId: string,
  { organisationId, products }: PartnerExposure,
  { actor, dryRun, toldAs, agreedWith }: NoticeOptions & { readonly toldAs: string | undefined },
): Promise<Result<Noticed, InvitationRefusal>> {
  const store = createExposureStore(tx);
  const partner = await store.findPartner(organisationId);
  const isBound = partner?.agreedAt !== null && partner?.agreedAt !== undefined;
  const outcome = { organisationId, isBound, partyId: toldAs ?? null };
  if (toldAs !== undefined) return ok({ ...outcome, outcome: 'told-before' });
  const contact = partner && (await readContact(tx, parts, partner));
  if (!contact) return ok({ ...outcome, outcome: 'no-contact' });
  if (dryRun) return ok({ ...outcome, outcome: 'would-be-told' });
  const key = await usableKey(contact);
  const invited = await parts.invitations.inviteIn(
    tx,
    caseId,
    {
      ...{ role: 'downstream', name: contact.name, address: contact.address, zone: contact.zone, isBound },
      needs: isBound ? ['deadline', 'flaw'] : ['deadline'],
      about: ['Products of yours that it concerns:', ...products.filter(isExposed).map(productLine)],
      ...(key && { encryptTo: key }),
    },
    agreedWith === undefined ? actor : `${actor}, as agreed: ${agreedWith}`,
  );
  if (!invited.ok) return invited;
  const { partyId, messageId } = invited.value;
  if (messageId === null) throw new Error(`${partyId} was invited to ${caseId} and not written to`);
  await store.addNotice(caseId, organisationId, partyId, messageId);
  return ok({ ...outcome, partyId, outcome: 'told' });
}

async function readContact(
  tx: Transaction,
  { vault }: NoticeParts,
  { organisationId, keyId, contact }: Partner,
): Promise<PartnerContact | undefined> {
  return contact ? await vault.openJson<PartnerContact>(tx, keyId, contact, contextOf(organisationId)) : undefined;
}

/** Never in the clear because a key has run out since it was named. */
async function usableKey({ publicKey, name }: PartnerContact): Promise<PublicKey | undefined> {
  const key = publicKey === undefined ? undefined : await readPublicKey(publicKey);
  if (key && !key.ok) throw new Error(`the key of ${name} cannot be used: ${key.refusal.why}`);
  return key?.value;
}

function productLine({ product, version, hits }: ExposedProduct): string {
  const ways = hits
    .filter(({ affected }) => affected !== 'no')
    .map((hit) => {
      const how = isDirect(hit)
        ? 'directly'
        : hit.path
          ? `through ${hit.path.slice(0, -1).join(' > ')}`
          : 'not said how';
      return `${hit.purl} (${how}${hit.affected === 'unknown' ? '; nobody can say whether this version is affected' : ''})`;
    });
  return `- ${product}${version === null ? '' : ` ${version}`}: ${ways.join(', ')}`;
}
