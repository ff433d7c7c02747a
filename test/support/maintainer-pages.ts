/** Maintainers' pages over real parts: cases whose reports were sent, and the links that stand in them. */
import Fastify from 'fastify';
import {
  createCoordination,
  createLinks,
  createMaintainerPages,
  type ParticipantId,
} from '../../src/coordination/index.ts';
import { createDisclosure } from '../../src/disclosure/index.ts';
import { addMaintainerRoutes } from '../../src/http/index.ts';
import { createWorld, newCase } from './disclosure.ts';

export interface SentReport {
  readonly id: `case_${string}`;
  /** `/m/…` as it stands in the report. */
  readonly path: string;
  readonly who: ParticipantId;
}

export const PAGES_ORIGIN = 'https://pages.example.org';

export type Pages = Awaited<ReturnType<typeof createPages>>;

export async function createPages() {
  const world = await createWorld();
  const { clock, database } = world;
  const instants = { read: async () => ({ at: clock.now(), heldSince: null, freedAt: null }) };
  const links = createLinks({ ...world, instants });
  const disclosure = createDisclosure({
    ...world,
    time: 'real',
    linkFor: async (tx, it, party) => `${PAGES_ORIGIN}/m/${await links.create(tx, it.id, party)}`,
  });
  const coordination = createCoordination({ ...world, disclosure, disclosureFor: () => disclosure });
  const server = Fastify();
  await addMaintainerRoutes(server, createMaintainerPages({ ...world, links, coordination }));
  return {
    world,
    links,
    disclosure,
    coordination,
    server,
    /** A real case whose report was sent. */
    async send(changes: Parameters<typeof newCase>[0] = {}): Promise<SentReport> {
      const vendor = { name: 'them', address: null, simulated: false };
      const fresh = newCase({ knownAs: [], vendor, ...changes });
      const opened = await database.transaction((tx) => disclosure.openCase(tx, fresh));
      if (!opened.ok) throw new Error(opened.refusal.kind);
      for (const step of ['confirm', 'notify'] as const) {
        const taken = await disclosure.take(step, opened.value, { actor: 'test' });
        if (!taken.ok) throw new Error(`${step}: ${taken.refusal.kind}`);
      }
      const it = await disclosure.find(opened.value);
      const text = it && (await disclosure.report(it)).text;
      const path = /https:\/\/pages\.example\.org(\/m\/[\w-]{43})$/m.exec(text ?? '')?.[1];
      const who = it?.case.parties.find(({ role }) => role === 'vendor')?.id;
      if (!path || !who) throw new Error(`the report has no link: ${text}`);
      return { id: opened.value, path, who };
    },
    async close(): Promise<void> {
      await server.close();
      await world.close();
    },
  };
}
