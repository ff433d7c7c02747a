/** `receipt check`, `journal verify` and `prompt show`: proofs of what the gate did, and a look that is itself on record. */

import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  checkReceipt,
  JOURNAL_FOLDER,
  type JournalRefusal,
  type ReceiptRefusal,
  readLoggedJournals,
  receiptKeyPath,
  verifyJournal,
} from '../journal/index.ts';
import { readVerifierKey } from '../tlog/index.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface JournalCommandParts {
  readonly terminal: Terminal;
  /** The data directory. */
  readonly home: string;
  /** What was asked in a call, after the look is on record; undefined where it is not retained. */
  readonly lookAtPrompt: (call: string, person: string, reason: string) => Promise<Uint8Array | undefined>;
}

interface KeyOption {
  readonly key?: string;
  readonly json?: boolean;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;
const KEY_OPTION = ['--key <file>', "the installation's receipts.pub; the own one if left out"] as const;

export function registerJournalCommands(program: Command, parts: JournalCommandParts): void {
  addReceiptCheck(program, parts);
  addJournalVerify(program, parts);
  addPromptShow(program, parts);
}

function addReceiptCheck(program: Command, { terminal, home }: JournalCommandParts): void {
  program
    .command('receipt')
    .description('receipts of calls')
    .command('check <file>')
    .description('check a receipt offline: leaf, path and signed root')
    .option(...KEY_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, { key, json }: KeyOption) => {
      const text = await readFileText(file);
      const checked = checkReceipt(text, await readKey(home, key));
      if (!checked.ok) {
        if (json) terminal.json({ ok: false, reason: explainReceipt(checked.refusal) });
        throw new CommandEnd('failed', `${file}: ${explainReceipt(checked.refusal)}`);
      }
      const { call, asked, served, costMicro } = checked.value;
      if (json) terminal.json({ ok: true, receipt: checked.value });
      terminal.say(
        `proven: ${String(call)} asked ${String(asked)}, ${String(served)} served, ${String(costMicro)} micro-dollars`,
      );
    });
}

function addJournalVerify(program: Command, { terminal, home }: JournalCommandParts): void {
  program
    .command('journal')
    .description('what gateways decided')
    .command('verify [directory]')
    .description('verify the journal of a gateway, or all of this installation, against the heads in the public log')
    .option(...KEY_OPTION)
    .option('--log <directory>', 'the log with the heads; the own one if left out')
    .option(...JSON_OPTION)
    .action(async (directory: string | undefined, { key, log, json }: KeyOption & { readonly log?: string }) => {
      const publicKey = await readKey(home, key);
      const logged = await readLoggedJournals(log ?? join(home, 'public', 'log'));
      if (logged === undefined && log !== undefined) throw new CommandEnd('notFound', `there is no log in ${log}`);
      let broken = 0;
      for (const each of await listJournals(home, directory)) {
        const report = await verifyJournal(each, publicKey, logged?.heads, logged?.forgotten);
        if (!report.ok) broken += 1;
        if (json)
          terminal.json(report.ok ? { ok: true, ...report.value } : { ok: false, directory: each, ...report.refusal });
        if (report.ok)
          terminal.say(
            `${report.value.gateway}: ${report.value.records} records in ${report.value.batches - report.value.forgotten} batches, whole${report.value.forgotten > 0 ? `; those up to ${report.value.forgotten} were removed when their time was over, as the log says` : ''}`,
          );
        else terminal.say(`${each}: ${explainJournal(report.refusal)}`);
      }
      if (broken > 0) throw new CommandEnd('failed', `${broken} journals are not what was written`);
    });
}

function addPromptShow(program: Command, { terminal, lookAtPrompt }: JournalCommandParts): void {
  program
    .command('prompt')
    .description('what was asked of models')
    .command('show <call>')
    .description('show what was asked in a call; the look is put on record first')
    .requiredOption('--person <person>', 'who looks')
    .requiredOption('--reason <text>', 'why')
    .action(async (call: string, { person, reason }: { readonly person: string; readonly reason: string }) => {
      const body = await lookAtPrompt(call, person, reason);
      if (!body) throw new CommandEnd('notFound', `nothing is retained of ${call}`);
      terminal.data(body);
    });
}

async function listJournals(home: string, directory: string | undefined): Promise<string[]> {
  if (directory !== undefined) return [resolve(directory)];
  const root = join(home, JOURNAL_FOLDER);
  const names = await readdir(root).catch(() => [] as string[]);
  if (names.length === 0) throw new CommandEnd('notFound', `${root} holds no journal yet`);
  return names.toSorted().map((name) => join(root, name));
}

async function readKey(home: string, given: string | undefined): Promise<Uint8Array> {
  const path = given ?? receiptKeyPath(home);
  const key = readVerifierKey((await readFileText(path)).trim());
  if (!key.ok) throw new CommandEnd('failed', `${path} holds no public key of receipts`);
  return key.value.publicKey;
}

function explainReceipt(refusal: ReceiptRefusal): string {
  switch (refusal.kind) {
    case 'no-receipt':
      return `no receipt: ${refusal.why}`;
    case 'not-in-tree':
      return 'the receipt is not under its root: it was changed, or belongs to another batch';
    case 'bad-root-signature':
      return 'the root is not signed by this installation';
    case 'another-gateway':
      return `the receipt is of ${refusal.leaf} and the root of ${refusal.root}`;
  }
}

function explainJournal(refusal: JournalRefusal): string {
  switch (refusal.kind) {
    case 'no-journal':
      return 'there is no journal';
    case 'altered':
      return `${refusal.segment}, byte ${refusal.offset}: ${refusal.why}`;
    case 'missing-segment':
      return `${refusal.segment} is missing`;
    case 'unproven-gap':
      return `everything up to batch ${refusal.batch} is gone, and the log does not say that its time was over`;
    case 'truncated':
      return `the log has a head at batch ${refusal.batch}, and the journal ends at ${refusal.last}`;
    case 'forked':
      return `batch ${refusal.batch} is not the one whose head is in the log`;
  }
}
