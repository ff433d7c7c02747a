/** `mail receive | list | show`: what comes back, matched to what was sent. */
import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Answers } from '../contact/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import { howToEnd } from './intake.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface MailCommandParts {
  readonly terminal: Terminal;
  readonly answers: () => Promise<Answers>;
  /** What is claimed of the sender of an answer; undefined where nobody looked. */
  readonly claimsOfAnswer: (id: string) => Promise<string | undefined>;
  /** Of the configured mailbox; undefined where there is none. */
  readonly mailbox: () => AsyncIterable<Uint8Array> | undefined;
}

const LINE_CHARACTERS = 200;
const ENCRYPTED = {
  opened: 'It was encrypted to you. Who encrypted it is not known: a signature is not checked.',
  closed: 'It is encrypted, and no key of HEADSTART_INBOUND_IDENTITY opens it.',
} as const;

/** Larger files are no mail that we read; told before one is read. */
const MAX_FILE_BYTES = 64 << 20;

export function registerMailCommands(program: Command, parts: MailCommandParts): void {
  const mail = program.command('mail').description('what comes back by mail: receive, list, show');
  addReceive(mail, parts);
  mail
    .command('list')
    .description('mail that waits for a person, the newest first')
    .option('--all', 'what was read or done too')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ all, json }: { all?: boolean; json?: boolean }) => {
      const list = await (await parts.answers()).list(all ? 'all' : 'kept');
      if (json) {
        return parts.terminal.json(
          list.map(({ id, kind, caseId, messageId, state, receivedAt }) => ({
            ...{ id, kind, case: caseId, message: messageId, state },
            receivedAt: receivedAt.toISOString(),
          })),
        );
      }
      for (const { id, kind, caseId, state } of list) {
        parts.terminal.say(`${id}  ${kind}, ${caseId ? `of ${caseId}` : 'of nothing that was sent'}, ${state}`);
      }
      parts.terminal.say(`${list.length} mails`);
    });
  mail
    .command('show <id>')
    .description('one mail as text; it is then read, and the history of its case says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const found = await (await parts.answers()).read(id);
      if (!found) throw new CommandEnd('notFound', `there is no mail ${id}`);
      const { from, subject, text, words, caseId, kind, mayBePublic, attachments, encrypted } = found;
      const senderClaims = (await parts.claimsOfAnswer(id)) ?? null;
      if (json) {
        const shown = {
          id,
          kind,
          case: caseId,
          from,
          subject,
          text,
          words: words.map(toShown),
          attachments: attachments.map((each) => ({ ...each })),
          encrypted,
          mayBePublic,
          senderClaims,
        };
        return parts.terminal.json(shown);
      }
      parts.terminal.say(`From: ${from ?? 'nobody'}\nSubject: ${subject}\n\n${text}`);
      for (const { name, bytes } of attachments) {
        parts.terminal.say(toPlainLine(`attached, not opened: ${name}, ${bytes} bytes`, LINE_CHARACTERS));
      }
      if (encrypted) parts.terminal.say(ENCRYPTED[encrypted]);
      if (senderClaims) parts.terminal.say(`\nClaims of its sender, not proofs: ${senderClaims}`);
      if (caseId)
        parts.terminal.say(`\n${mayBePublic ? 'It reads as if the flaw were public. ' : ''}${howToEnd(caseId, id)}`);
    });
}

function addReceive(mail: Command, { terminal, answers, mailbox }: MailCommandParts): void {
  mail
    .command('receive [files...]')
    .description('take mail in, from .eml files or else from the mailbox that HEADSTART_MAILDIR names')
    .option('--json', 'one JSON value a mail on standard output')
    .action(async (files: readonly string[], { json }: { json?: boolean }) => {
      const source = files.length > 0 ? readFiles(files) : mailbox();
      if (!source) throw new CommandEnd('usage', 'name a file, or set HEADSTART_MAILDIR');
      const taking = await answers();
      let refused = 0;
      for await (const raw of source) {
        const received = await taking.receive(raw);
        if (!received.ok) {
          refused += 1;
          const { refusal } = received;
          terminal.say(`refused: ${whyRefused(refusal)}`);
          if (json) terminal.json({ refused: refusal.kind });
          continue;
        }
        const { id, kind, caseId, messageId, state, isKnown } = received.value;
        if (json) terminal.json({ id, kind, case: caseId, message: messageId, state, known: isKnown });
        terminal.say(
          `${id}  ${kind}, ${caseId ? `of ${caseId}` : 'of nothing that was sent'}, ${isKnown ? 'known' : state}`,
        );
      }
      if (refused > 0) throw new CommandEnd('failed', `${refused} refused`);
    });
}

async function* readFiles(files: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    const size = await stat(file).catch(() => undefined);
    if (!size?.isFile()) throw new CommandEnd('notFound', `there is no file ${file}`);
    if (size.size > MAX_FILE_BYTES) throw new CommandEnd('failed', `${file} is longer than ${MAX_FILE_BYTES} bytes`);
    yield await readFile(file);
  }
}

type ReceiveRefusal = Extract<Awaited<ReturnType<Answers['receive']>>, { readonly ok: false }>['refusal'];

function whyRefused(refusal: ReceiveRefusal): string {
  switch (refusal.kind) {
    case 'too-large':
      return `longer than ${refusal.limitBytes} bytes`;
    case 'not-a-mail':
      return `no mail: ${refusal.why}`;
    case 'of-no-thread':
      return 'it answers nothing that was sent';
  }
}

const toShown = (word: object): Json => ({ ...word });
