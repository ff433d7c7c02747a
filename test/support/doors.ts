/** The doors of an installation over real parts: intake, answers of cases whose reports were sent, and a mail server. */
import { createAnswers } from '../../src/contact/answer-service.ts';
import {
  createInbound,
  createTurningAway,
  listTurnedAway,
  type MailDoor,
  openMailDoor,
} from '../../src/inbound/index.ts';
import type { MailDoorParts, MailDoorSettings } from '../../src/inbound/mail-door-service.ts';
import { createIntake, type DecryptionKeys } from '../../src/intake/index.ts';
import { createWorld } from './disclosure.ts';

export const RECIPIENT = 'security@example.org';
const NO_KEYS: DecryptionKeys = { age: [], pgp: [] };

export type DoorWorld = Awaited<ReturnType<typeof createDoorWorld>>;

export async function createDoorWorld({ keys = NO_KEYS }: { readonly keys?: DecryptionKeys } = {}) {
  const world = await createWorld({
    time: 'real',
    smtp: {
      settleMs: 0,
      send: async () => ({ kind: 'delivered', remote: null }),
      readBack: async () => ({ kind: 'cannot-say', reason: 'nobody to ask', isForGood: true }),
    },
  });
  const { database, clock, random, vault, outbox, disclosure } = world;
  const intake = createIntake({ database, vault, random });
  const answers = createAnswers({
    ...{ database, clock, random, vault, outbox },
    act: async () => true,
    note: async () => {},
  });
  const faults: unknown[] = [];
  const opened: MailDoor[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  const turningAway = createTurningAway({ database, clock, onFault });
  const inbound = createInbound({ database, vault, random, clock, intake, answers, keys, authority: 'mx.example.org' });
  return {
    ...{ world, intake, answers, inbound, turningAway, faults },
    async openMail(more: Partial<MailDoorParts> = {}, settings: Partial<MailDoorSettings> = {}): Promise<MailDoor> {
      const door = await openMailDoor({
        settings: { host: '127.0.0.1', port: 0, recipients: [RECIPIENT], ...settings },
        take: inbound.takeMail,
        turnAway: (reason) => turningAway.add('mail', reason),
        monotonicMs: () => performance.now(),
        onFault,
        ...more,
      });
      opened.push(door);
      return door;
    },
    /** What was turned away at a door, written down first. */
    async turnedAway(): Promise<Readonly<Record<string, number>>> {
      await turningAway.close();
      const rows = await listTurnedAway(database, 36_500);
      return Object.fromEntries(rows.map(({ door, reason, count }) => [`${door} ${reason}`, count]));
    },
    /** The marker of a report that was sent to a vendor. */
    async reported(): Promise<{ readonly caseId: string; readonly marker: string }> {
      const caseId = await world.open({ vendor: { name: 'them', address: 'them@example.org', simulated: false } });
      for (const step of ['confirm', 'notify'] as const) {
        const taken = await disclosure.take(step, caseId, { actor: 'operator' });
        if (!taken.ok) throw new Error(taken.refusal.kind);
      }
      const message = (await disclosure.find(caseId))?.messages[0];
      if (!message) throw new Error('nothing was sent');
      await outbox.send(message.id);
      return { caseId, marker: message.marker };
    },
    async close(): Promise<void> {
      for (const door of opened) await door.close();
      await turningAway.close();
      await world.close();
    },
  };
}
