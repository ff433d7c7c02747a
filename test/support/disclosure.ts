/** Real parts for tests of disclosure and publication: database, vault, log, outbox, on a fresh directory. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOutbox } from '../../src/contact/index.ts';
import type { Carriers } from '../../src/contact/outbox-service.ts';
import { findCase } from '../../src/disclosure/case-view-service.ts';
import { type CompressedClock, createCompressedClock } from '../../src/disclosure/compressed-clock.ts';
import { createDisclosure, type Disclosure } from '../../src/disclosure/disclosure.ts';
import type { NewCase } from '../../src/disclosure/new-case.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { createId, systemRandom } from '../../src/lib/id.ts';
import type { Database } from '../../src/store/database.ts';
import { createTestDatabase } from '../../src/store/test-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { createTlog } from '../../src/tlog/index.ts';
import type { ConfirmedFinding } from '../../src/verify/index.ts';

export const PUBLISHER = {
  name: 'Example coordination',
  namespace: 'https://example.org',
  contact: 'mailto:security@example.org',
};
const CONTACT = { name: 'Example coordination', address: 'security@example.org' };

export interface WorldOptions {
  readonly time?: 'real' | 'compressed';
  readonly smtp?: Carriers['smtp'];
  readonly carriers?: Carriers;
  readonly start?: Date;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

export async function createWorld({ time = 'compressed', smtp, carriers, start = new Date() }: WorldOptions = {}) {
  const { database, drop } = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'headstart-world-'));
  const clock: CompressedClock = createCompressedClock(start);
  const random = systemRandom;
  const vault = createVault({ masterKey: randomBytes(32), random });
  const log = await createTlog({ database, clock, random, home });
  const outbox = createOutbox({
    database,
    clock,
    random,
    vault,
    from: CONTACT,
    carriers: { ...carriers, ...(smtp && { smtp }) },
    findMatter: findCase,
  });
  const common = { database, clock, random, vault, log, outbox, publisher: PUBLISHER, contact: CONTACT };
  const disclosure = createDisclosure({ ...common, time });
  return {
    ...common,
    home,
    disclosure,
    /** The same installation under the other kind of clock. */
    disclosureUnder: (other: 'real' | 'compressed') => createDisclosure({ ...common, time: other }),
    async open(changes: Partial<NewCase> = {}): Promise<string> {
      const opened = await database.transaction((tx) => disclosure.openCase(tx, newCase(changes)));
      if (!opened.ok) throw new Error(opened.refusal.kind);
      return opened.value;
    },
    async close(): Promise<void> {
      await drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A case with nothing simulated in it, whose report has been sent. */
export async function sendRealCase(database: Database, disclosure: Disclosure): Promise<string> {
  const vendor = { name: 'them', address: null, simulated: false };
  const opened = await database.transaction((tx) => disclosure.openCase(tx, newCase({ knownAs: [], vendor })));
  assert.ok(opened.ok);
  for (const step of ['confirm', 'notify'] as const) {
    assert.ok((await disclosure.take(step, opened.value, { actor: 'test' })).ok);
  }
  return opened.value;
}

export function newCase(changes: Partial<NewCase> = {}): NewCase {
  return {
    findingId: createId('finding', systemRandom),
    finding: FINDING,
    policy: 'anthropic-2026',
    vendor: { name: 'A maintainer', address: 'maintainer@example.org', simulated: true },
    knownAs: ['GHSA-aaaa-bbbb-cccc'],
    ...changes,
  };
}

const REPRODUCER = 'process.exit(0) // marker-of-the-reproducer\n';

export const FINDING: ConfirmedFinding = {
  target: 'pkg:npm/%40scope/example@1.2.2',
  flaw: 'prototype-pollution',
  entry: "require('@scope/example').set({}, path, value)",
  otherEntries: [],
  sink: { file: '@scope/example/index.js', line: 7 },
  oracle: 'A fresh property appeared on Object.prototype.',
  plan: null,
  reproducer: { file: 'reproduce.cjs', text: REPRODUCER, sha256: sha256Hex(REPRODUCER) },
  reproduction: { reproduced: 3, of: 3, oracle: 'seen', recordSha256: 'cd'.repeat(32) },
  controls: [],
  frames: [],
  rootCause: {
    package: '@scope/example',
    flaw: 'prototype-pollution',
    file: 'index',
    functionName: 'set',
    statement: 'a [ b ] = c',
  },
  severity: {
    vector: 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N',
    score: 6.3,
    severity: 'medium',
    reasons: {
      AV: 'r',
      AC: 'r',
      AT: 'r',
      PR: 'r',
      UI: 'r',
      VC: 'r',
      VI: 'r',
      VA: 'r',
      SC: 'r',
      SI: 'r',
      SA: 'r',
    },
  },
  affected: {
    measured: [
      { version: '1.2.2', outcome: 'fires' },
      { version: '1.2.3', outcome: 'silent' },
    ],
    events: [{ introduced: '0' }, { fixed: '1.2.3' }],
    introducedIn: '0',
    fixedIn: '1.2.3',
    monotone: true,
    uncertain: [],
    assumed: 0,
  },
};
