/**
 * The gate before a report: nothing is sent to anybody that a reader could not follow to the same result. The machine
 * takes the rendered text, does what it says in fresh sandboxes, and looks at the newest release; a person signs.
 */
import { type Disclosure, type OpenedCase, policyOf } from '../disclosure/index.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Instant } from '../timekeeping/index.ts';
import { createReadinessStore } from './readiness-store.ts';
import { type MachineCheck, missingOf, type SignOff } from './report-gate.ts';
import { type FollowedReport, followReport, formOf } from './report-text.ts';

/** What can run a reproducer. */
export interface Workshop {
  /** In fresh sandboxes, with nothing but what the report names. */
  readonly follow: (
    report: FollowedReport,
  ) => Promise<Result<{ readonly reproduced: number; readonly of: number }, string>>;
  /** Undefined where the registry does not know the package. */
  readonly newestVersion: (opened: OpenedCase) => Promise<string | undefined>;
  readonly tryVersion: (
    finding: OpenedCase['finding'],
    version: string,
  ) => Promise<'fires' | 'silent' | 'not-comparable'>;
  /** The same on what lies in the project's repository now; undefined where no mirror of it is named. */
  readonly tryHead: (opened: OpenedCase) => Promise<'fires' | 'silent' | 'not-comparable' | undefined>;
  /** The SECURITY.md that the package ships. */
  readonly scopeFile: (opened: OpenedCase) => Promise<string | undefined>;
}

export interface ReadinessParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'sealJson' | 'openJson'>;
  readonly instants: { read(tx: Transaction): Promise<Instant> };
  /** Read late: disclosure asks this module before it sends. */
  readonly disclosure: () => Pick<Disclosure, 'findIn' | 'reportIn' | 'draft'>;
}

export type Readiness = ReturnType<typeof createReadiness>;

type NoCase = { readonly kind: 'no-such-case'; readonly id: string };
export type SignOffWord = Pick<SignOff, 'by' | 'note' | 'scopeRead' | 'withoutPatch'>;

export function createReadiness(parts: ReadinessParts) {
  const { database } = parts;
  return {
    /** What the report of a case still lacks; empty where it may be sent. */
    missingIn: (tx: Transaction, opened: OpenedCase): Promise<readonly string[]> => missing(tx, parts, opened),

    /** A person has read the report as it stands now. */
    async isSignedOff(tx: Transaction, opened: OpenedCase): Promise<boolean> {
      const word = await findWord<SignOff>(tx, parts, opened, 'sign-off');
      return word?.digest === digestOf(parts, opened);
    },

    /** Follows the report by machine, keeps what came of it, and tells what is still missing. */
    async check(id: string, workshop: Workshop): Promise<Result<readonly string[], NoCase>> {
      const opened = await database.transaction((tx) => parts.disclosure().findIn(tx, id));
      if (!opened) return refuse({ kind: 'no-such-case', id });
      const text = await database.transaction((tx) => parts.disclosure().reportIn(tx, opened));
      // Outside of any transaction: it takes minutes.
      const found = await followByMachine(opened, text.text, workshop);
      return database.transaction(async (tx) => {
        const { at } = await parts.instants.read(tx);
        await keep(tx, parts, opened, 'check', { ...found, digest: digestOf(parts, opened), at });
        return ok(await missing(tx, parts, opened));
      });
    },

    /** A person has read the report as it stands. */
    signOff: (id: string, word: SignOffWord): Promise<Result<readonly string[], NoCase>> =>
      database.transaction(async (tx) => {
        const opened = await parts.disclosure().findIn(tx, id);
        if (!opened) return refuse({ kind: 'no-such-case', id });
        const { at } = await parts.instants.read(tx);
        await keep(tx, parts, opened, 'sign-off', { ...word, digest: digestOf(parts, opened), at });
        return ok(await missing(tx, parts, opened));
      }),
  };
}

async function followByMachine(
  opened: OpenedCase,
  text: string,
  workshop: Workshop,
): Promise<Omit<MachineCheck, 'digest' | 'at'>> {
  const followed = followReport(text);
  const run = followed.ok ? await workshop.follow(followed.value) : followed;
  const version = await workshop.newestVersion(opened);
  const scope = await workshop.scopeFile(opened);
  return {
    trouble: run.ok ? null : run.refusal,
    ...(run.ok ? { reproduced: run.value.reproduced, of: run.value.of } : { reproduced: 0, of: 0 }),
    newest: version === undefined ? null : { version, outcome: await workshop.tryVersion(opened.finding, version) },
    head: (await workshop.tryHead(opened)) ?? null,
    scopeFile: scope === undefined ? null : sha256Hex(scope),
  };
}

/** Of the report without what changes by the day: its deadline, its link. */
const digestOf = ({ disclosure }: ReadinessParts, opened: OpenedCase): string =>
  sha256Hex(disclosure().draft(opened).text);

async function keep(
  tx: Transaction,
  { vault }: ReadinessParts,
  { case: it, keyId }: OpenedCase,
  kind: 'check' | 'sign-off',
  word: MachineCheck | SignOff,
): Promise<void> {
  const sealed = await vault.sealJson(tx, keyId, word, `${kind} of ${it.id}`);
  await createReadinessStore(tx).add(it.id, kind, { digest: word.digest, at: word.at, sealed });
}

async function missing(tx: Transaction, parts: ReadinessParts, opened: OpenedCase): Promise<readonly string[]> {
  const { text } = await parts.disclosure().reportIn(tx, opened);
  return missingOf({
    digest: digestOf(parts, opened),
    form: formOf(text),
    hasPatch: opened.learnt.patch !== null,
    machine: await findWord<MachineCheck>(tx, parts, opened, 'check'),
    signOff: await findWord<SignOff>(tx, parts, opened, 'sign-off'),
    needsPerson: policyOf(opened.case.policy).personReads,
    now: (await parts.instants.read(tx)).at,
  });
}

async function findWord<T extends MachineCheck | SignOff>(
  tx: Transaction,
  { vault }: ReadinessParts,
  { case: it, keyId }: OpenedCase,
  kind: 'check' | 'sign-off',
): Promise<T | null> {
  const stored = await createReadinessStore(tx).findLast(it.id, kind);
  if (!stored) return null;
  return { ...(await vault.openJson<T>(tx, keyId, stored.sealed, `${kind} of ${it.id}`)), at: stored.at };
}
