/** What the maintainers of a project asked for, and where its reports go: each word kept with who wrote it down. */
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { askedRateAfter, type Channel, NO_WISHES, type Wishes } from './allowance.ts';
import { readProject } from './opt-out.ts';
import { createPacingStore, type PacedProject, type ProjectId } from './pacing-store.ts';

export interface WishParts {
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open'>;
}

/** Where the reports of a project go, as somebody said. */
export interface ProjectAddress {
  readonly address: string;
  /** What mail is encrypted to. */
  readonly publicKey?: string | undefined;
  /** A person said that what goes there may be public at once. */
  readonly mayBePublic?: boolean | undefined;
}

export type WishChange =
  | { readonly kind: 'limit'; readonly mostOpen: number | null; readonly mostPerWeek: number | null }
  | { readonly kind: 'ask'; readonly asked: 'fewer' | 'more' }
  | { readonly kind: 'channel'; readonly channel: Channel };

export async function ensureProject(
  tx: Transaction,
  { vault }: WishParts,
  id: ProjectId,
  project: string,
): Promise<void> {
  const store = createPacingStore(tx);
  const [known] = await store.listProjects([id]);
  if (known) return;
  const keyId = await vault.createKey(tx, `project ${id}`);
  await store.insertProject(id, keyId, await vault.seal(tx, keyId, Buffer.from(project), `project ${id}`));
}

interface AskedChange {
  readonly name: string;
  readonly change: WishChange;
  readonly actor: string;
}

export async function changeWishes(
  tx: Transaction,
  parts: WishParts,
  index: (project: string) => ProjectId,
  { name, change, actor }: AskedChange,
): Promise<Wishes | undefined> {
  const project = readProject(name);
  if (project === undefined) return undefined;
  const store = createPacingStore(tx);
  const id = index(project);
  await ensureProject(tx, parts, id, project);
  const before = (await store.lockProject(id))?.wishes ?? NO_WISHES;
  const after = { ...before, ...changed(before, change) };
  await store.saveWishes(id, after, { wish: wishText(change), actor });
  return after;
}

function changed({ askedRate }: Wishes, change: WishChange): Partial<Wishes> {
  switch (change.kind) {
    case 'limit':
      return { mostOpen: change.mostOpen, mostPerWeek: change.mostPerWeek };
    case 'ask':
      return { askedRate: askedRateAfter(askedRate, change.asked) };
    case 'channel':
      return { channel: change.channel };
  }
}

function wishText(change: WishChange): string {
  switch (change.kind) {
    case 'limit':
      return `at most ${change.mostOpen ?? 'any number'} open, ${change.mostPerWeek ?? 'any number'} a week`;
    case 'ask':
      return `send ${change.asked}`;
    case 'channel':
      return `channel ${change.channel}`;
  }
}

const addressContext = (id: ProjectId): string => `address of the project ${id}`;

export async function addressOf(
  tx: Transaction,
  { vault }: WishParts,
  { id, keyId, address }: PacedProject,
): Promise<ProjectAddress | undefined> {
  if (!address) return undefined;
  return JSON.parse((await vault.open(tx, keyId, address, addressContext(id))).toString()) as ProjectAddress;
}

export async function keepAddress(
  tx: Transaction,
  parts: WishParts,
  index: (project: string) => ProjectId,
  asked: { readonly name: string; readonly address: ProjectAddress | null; readonly actor: string },
): Promise<boolean> {
  const project = readProject(asked.name);
  if (project === undefined) return false;
  const store = createPacingStore(tx);
  const id = index(project);
  await ensureProject(tx, parts, id, project);
  const locked = await store.lockProject(id);
  if (!locked) throw new Error(`the project ${id} was not kept`);
  const text = asked.address && Buffer.from(JSON.stringify(asked.address));
  const sealed = text && (await parts.vault.seal(tx, locked.keyId, text, addressContext(id)));
  // What the address is stands nowhere in the clear.
  await store.saveAddress(id, sealed, { wish: `an address is ${text ? 'named' : 'forgotten'}`, actor: asked.actor });
  return true;
}
