/** What follows a report by machine, joined: sandbox, registry, patches. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPatchAttempts } from './campaign/index.ts';
import { type Disclosure, type OpenedCase, packageOf } from './disclosure/index.ts';
import { createReleaseWorkshop, type Followup, type ReleaseWorkshop } from './followup/index.ts';
import { ok, refuse } from './lib/result.ts';
import type { Parts } from './parts.ts';
import type { Readiness, Workshop } from './readiness/index.ts';
import type { SandboxProfile } from './sandbox/index.ts';
import { openTarget, type PackageTree, type Registry } from './target/index.ts';

/** Where a package may keep what it counts as a flaw. */
const SCOPE_FILES = ['SECURITY.md', '.github/SECURITY.md', 'docs/SECURITY.md'];
const MAX_SCOPE_CHARACTERS = 1_000_000;

export interface ReportWorkshop extends Workshop {
  /** Looks for a candidate patch where the case has none, and keeps one that mends. */
  readonly findPatch: (opened: OpenedCase, disclosure: Pick<Disclosure, 'learn'>) => Promise<void>;
}

async function openWorkshop(
  parts: Parts,
  profile: SandboxProfile,
  followup: Pick<Followup, 'mirrorOf'>,
  registry: Registry = parts.registry(),
): Promise<ReportWorkshop> {
  const [sandbox, scratch, verification] = await Promise.all([
    parts.sandbox(profile),
    parts.scratch(),
    parts.verification(profile, registry),
  ]);
  const open = (target: string) => openTarget({ target, scratch, registry });
  const releases = createReleaseWorkshop({ verification, scratch, registry });
  const attempt = createPatchAttempts({
    run: (request) => sandbox.run(request),
    random: parts.random,
    scratch,
    registry,
  });
  const withTree = async <T>(target: string, use: (tree: PackageTree) => Promise<T>): Promise<T | undefined> => {
    const opened = await open(target);
    if (!opened.ok) return undefined;
    try {
      return await use(opened.value);
    } finally {
      await opened.value.dispose();
    }
  };
  return {
    async follow({ target, flaw, reproducer }) {
      const confirmed = await withTree(target, (tree) => verification.confirmClaim({ flaw, reproducer }, tree));
      if (!confirmed) return refuse('what it says to install is not to be had');
      if (!confirmed.ok) return refuse(`${confirmed.refusal.reason}: ${confirmed.refusal.detail}`);
      const { reproduced, of } = confirmed.value.reproduction;
      return ok({ reproduced, of });
    },
    async newestVersion({ finding }) {
      const packument = await registry.packument(packageOf(finding).name, { again: true });
      return packument.ok ? packument.value.tags.latest : undefined;
    },
    tryVersion: releases.tryVersion,
    async tryHead({ finding }) {
      const mirror = await followup.mirrorOf(packageOf(finding).name);
      return mirror === undefined ? undefined : await releases.tryHead(finding, mirror);
    },
    scopeFile: ({ finding }) => withTree(finding.target, (tree) => readScope(tree)),
    async findPatch({ case: it, finding, learnt }, disclosure) {
      if (learnt.patch !== null) return;
      const attempts = await withTree(finding.origin ?? finding.target, (tree) =>
        attempt(finding, tree, learnt.fixedVersion),
      );
      const good = attempts?.find(({ verdict }) => verdict === 'fixes');
      if (good) await disclosure.learn(it.id, { patch: good.text, ownTests: good.ownTests });
    },
  };
}

/** Follows the report of a case by machine, and looks for a patch where it has none. Tells what is still missing. */
export async function checkReport(
  parts: Parts,
  services: {
    readonly disclosure: Pick<Disclosure, 'find' | 'learn'>;
    readonly readiness: Pick<Readiness, 'check'>;
    readonly followup: Pick<Followup, 'mirrorOf'>;
  },
  { profile, registry }: { readonly profile: SandboxProfile; readonly registry?: Registry },
  id: string,
): ReturnType<Readiness['check']> {
  const { disclosure, readiness, followup } = services;
  const workshop = await openWorkshop(parts, profile, followup, registry);
  const opened = await disclosure.find(id);
  if (opened) await workshop.findPatch(opened, disclosure);
  return readiness.check(id, workshop);
}

/** What runs a reproducer on the releases that were seen. */
export async function openReleaseWorkshop(parts: Parts, profile: SandboxProfile): Promise<ReleaseWorkshop> {
  const registry = parts.registry();
  const [scratch, verification] = await Promise.all([parts.scratch(), parts.verification(profile, registry)]);
  return createReleaseWorkshop({ verification, scratch, registry });
}

async function readScope({ directory, name }: PackageTree): Promise<string | undefined> {
  for (const file of SCOPE_FILES) {
    const text = await readFile(join(directory, 'node_modules', name, file), 'utf8').catch(() => undefined);
    if (text !== undefined) return text.slice(0, MAX_SCOPE_CHARACTERS);
  }
  return undefined;
}
