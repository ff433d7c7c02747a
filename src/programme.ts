/** The programme of an installation, joined: members, keys, scopes, credit, stops. Needs no sandbox and no server. */
import { createEgress, namedOrigins } from './egress/index.ts';
import { createHeadSayer, lookAtPrompt, openJournal, openReceiptKey } from './journal/index.ts';
import { createLedger } from './ledger/index.ts';
import { createId } from './lib/id.ts';
import {
  createCaps,
  createKeyDesk,
  createKeys,
  createMembership,
  createMembershipJobs,
  createStops,
  type Membership,
} from './membership/index.ts';
import type { Parts } from './parts.ts';
import { createNoticeStore } from './program/index.ts';
import { createProofClient, createScopeJobs, createScoping } from './scope/index.ts';
import { createProviderClient, createSignIn, type SignInPerson } from './signin/index.ts';
import type { JobHandler } from './store/job-worker.ts';
import { createVetting, createVettingJobs } from './vetting/index.ts';

export type Programme = Awaited<ReturnType<typeof openProgramme>>;

/** Where a forge serves a file of a repository's default branch. */
const RAW_FILES = new Map([
  ['github.com', 'https://raw.githubusercontent.com/{path}/HEAD/{file}'],
  ['gitlab.com', 'https://gitlab.com/{path}/-/raw/HEAD/{file}'],
  ['codeberg.org', 'https://codeberg.org/{path}/raw/HEAD/{file}'],
]);

export async function openProgramme({ config, database, vault, log, clock, random, registry, onClose }: Parts) {
  const opened = await log();
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const db = await database();
  const ledger = createLedger({ database: db, clock });
  const parts = { database: db, vault: await vault(), log: opened, clock, random, setCap: ledger.setCapIn };
  const membership = createMembership(parts);
  const egress = createEgress({ named: namedOrigins(config.allowedOrigins) });
  const scoping = createScoping({
    ...parts,
    findOrganisation: membership.organisationNamed,
    setPass: (tx, pass) => createNoticeStore(tx).setPass(pass),
    proofs: createProofClient({
      egress,
      findDistTags: async (name) => {
        const packument = await registry().packument(name, { again: true });
        if (packument.ok) return new Set(Object.keys(packument.value.tags));
        if (packument.refusal.kind === 'not-found') return undefined;
        throw new Error(packument.refusal.reason);
      },
      rawFileUrls: RAW_FILES,
    }),
  });
  const keys = createKeys(parts);
  return {
    membership,
    keys,
    caps: createCaps(parts),
    stops: createStops(parts),
    vetting: createVetting({
      ...parts,
      membership,
      keys,
      calendar: { timeZone: config.timeZone, holidays: new Set(config.holidays) },
    }),
    scoping,
    egress,
    ledger,
    /** Pages of sign-in and keys: `origin` as the browser shows it, `gateUrl` where the gate answers. */
    openSignIn: ({ origin, gateUrl }: { readonly origin: () => string; readonly gateUrl: () => string }) => ({
      signIn: createSignIn({
        ...parts,
        origin,
        findPerson: async (_tx, id) => toSignInPerson(await membership.findPerson(id), id),
        findByEmail: async (_tx, email, organisation) =>
          (await membership.findByEmail(email)).flatMap((person) => {
            const { organisation: own, forOrganisation } = person;
            const isTheirs = organisation === undefined || own === organisation || forOrganisation === organisation;
            return isTheirs ? [{ ...person, isActive: true }] : [];
          }),
        providers: createProviderClient({
          egress,
          findSecret: config.findSecret,
          redirectUri: () => `${origin()}/signin/provider/callback`,
        }),
      }),
      keys: createKeyDesk({ database: parts.database, clock, keys, gateUrl }),
      origin,
    }),
  };
}

function toSignInPerson(found: Awaited<ReturnType<Membership['findPerson']>>, id: string): SignInPerson | undefined {
  if (!found.ok || found.value.id !== id) return undefined;
  return { ...found.value, isActive: found.value.standing === 'active' };
}

/** Clocks of scopes, evidence and nationality. */
export function createProgrammeJobs({
  scoping,
  vetting,
  membership,
}: Pick<Programme, 'scoping' | 'vetting' | 'membership'>): Readonly<Record<string, JobHandler>> {
  return { ...createScopeJobs(scoping), ...createVettingJobs(vetting), ...createMembershipJobs(membership) };
}

/** A look at what was asked, on record in a journal of this process's own before anything is shown. */
export function createLook(parts: Parts) {
  return async (call: string, person: string, reason: string): Promise<Uint8Array | undefined> => {
    const [database, vault, log, { path: home }] = await Promise.all([
      parts.database(),
      parts.vault(),
      parts.log(),
      parts.home(),
    ]);
    const journal = await openJournal({
      home,
      gateway: createId('gateway', parts.random),
      clock: parts.clock,
      signer: await openReceiptKey(home),
      sayHead: createHeadSayer({ database, log }),
      onTrouble: (error) => parts.terminal.say(error.message),
    });
    try {
      return await lookAtPrompt({ database, vault, home }, journal, { call: call as `call_${string}`, person, reason });
    } finally {
      await journal.close();
      await log.sequence();
    }
  };
}
