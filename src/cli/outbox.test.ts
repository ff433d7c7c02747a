import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import type { SmtpClient } from '../contact/index.ts';
import { registerOutboxCommands, runCommandLine } from './index.ts';
import { createTerminal } from './terminal.ts';

let world: World;
let shown: string[] = [];
let attempts = 0;

before(async () => {
  const smtp: SmtpClient = {
    settleMs: 0,
    send: async () => {
      attempts += 1;
      return { kind: 'unknown', reason: 'the connection was lost' };
    },
    readBack: async () => ({ kind: 'cannot-say', reason: 'nobody to ask', isForGood: true }),
  };
  world = await createWorld({ time: 'real', smtp });
});
after(() => world.close());

function run(...args: string[]): Promise<number> {
  shown = [];
  const write = (text: unknown) => shown.push(String(text)) > 0;
  const stream = { write } as unknown as NodeJS.WriteStream;
  const terminal = createTerminal(stream, stream);
  return runCommandLine(args, {
    terminal,
    register: [(program) => registerOutboxCommands(program, { terminal, outbox: async () => world.outbox })],
  });
}

async function uncertain(): Promise<string> {
  const id = await world.open({ vendor: { name: 'them', address: 'them@example.org', simulated: false } });
  for (const step of ['confirm', 'notify'] as const) {
    assert.ok((await world.disclosure.take(step, id, { actor: 'operator' })).ok);
  }
  const message = (await world.disclosure.find(id))?.messages[0]?.id ?? '';
  assert.equal(await world.outbox.send(message), 'uncertain');
  return message;
}

test('what waits for a person is listed with its reason, and settled by his word once', async () => {
  const id = await uncertain();
  assert.equal(await run('outbox', 'list', '--json'), 0);
  const [listed] = JSON.parse(shown.join('')) as Record<string, unknown>[];
  assert.deepEqual([listed?.id, listed?.state], [id, 'uncertain']);
  assert.match(String(listed?.trouble), /the connection was lost; reading back: nobody to ask/);
  assert.equal(await run('outbox', 'settle', id, 'arrived'), 0);
  assert.equal(await run('outbox', 'settle', id, 'give-up'), 5);
  assert.equal(await run('outbox', 'list', '--state', 'sent', '--json'), 0);
  assert.match(shown.join(''), new RegExp(`"${id}"[^}]*"settledBy":"person"`));
});

test('it is sent again only on the word of a person', async () => {
  const id = await uncertain();
  const before = attempts;
  assert.equal(await world.outbox.send(id), 'nothing');
  assert.equal(attempts, before);
  assert.equal(await run('outbox', 'settle', id, 'again'), 0);
  await world.outbox.send(id);
  assert.equal(attempts, before + 1);
});

test('an unknown message, word or state is told apart', async () => {
  assert.equal(await run('outbox', 'settle', 'message_0', 'again'), 4);
  assert.equal(await run('outbox', 'settle', 'message_0', 'maybe'), 2);
  assert.equal(await run('outbox', 'list', '--state', 'lost'), 2);
});
