/** `log …` and `commit …`: verify, prove and open. Anything but a full, proven yes ends with a code that is not 0. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import {
  type AnyRefusal,
  type AuditReport,
  checkFieldOpening,
  checkProofFile,
  explain,
  FINDING_FIELDS,
  type FindingField,
  formatVerifierKey,
  isFindingField,
  KNOWN_HEADS_FOLDER,
  LogUnreadable,
  openedLate,
  openField,
  overdueOpenings,
  proveByName,
  readEntry,
  type SealedFinding,
  type TrustOptions,
  verifyLog,
} from '../tlog/index.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface LogCommandDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** The data directory. */
  readonly home: string;
  /**
   * The secret half of a commitment, by the id of commitment, finding or case; undefined where there is none. That a
   * field of it was shown while it is sealed is recorded before it is given.
   */
  readonly revealSealed: (
    id: string,
    field: FindingField,
  ) => Promise<{ readonly commitment: string; readonly sealed: SealedFinding } | undefined>;
}

interface TrustFlags {
  readonly policy?: string;
  readonly key?: string;
  readonly memory: boolean;
  readonly json?: boolean;
}

const MAX_OPENING_BYTES = 65_536;

/** Refusals that say "there is no such thing" rather than "it is wrong". */
const NOT_FOUND: ReadonlySet<string> = new Set(['no-log', 'no-such-entry', 'no-entry-named']);

export function registerLogCommands(program: Command, deps: LogCommandDeps): void {
  const log = program.command('log').description('the public log: verify, prove, see what is overdue');
  addVerify(log, deps);
  addProve(log, deps);
  addCheck(log, deps);
  addOverdue(log, deps);
  const commit = program.command('commit').description('sealed findings: open one field, check an opening');
  addOpen(commit, deps);
  addCheckOpening(commit, deps);
}

function withTrust(command: Command): Command {
  return command
    .option('--policy <file>', 'trust policy: logs, witnesses and their quorum (C2SP tlog-policy)')
    .option('--key <vkey>', 'the key of the log, or a file that holds it')
    .option('--no-memory', 'neither use nor keep what was seen of the log before')
    .option('--json', 'one JSON value on standard output');
}

function trustOf({ home }: LogCommandDeps, { policy, key, memory }: TrustFlags): TrustOptions {
  return { policy, key, memory: memory ? join(home, KNOWN_HEADS_FOLDER) : undefined };
}

const ownLog = (home: string) => join(home, 'public', 'log');

/** Ends the command unless the outcome is a yes. */
function expectYes<T>(outcome: Result<T, AnyRefusal>, { terminal }: LogCommandDeps, asJson: boolean | undefined): T {
  if (outcome.ok) return outcome.value;
  const message = explain(outcome.refusal);
  if (asJson) terminal.json({ ok: false, reason: outcome.refusal.kind, message });
  const exit: ExitName = NOT_FOUND.has(outcome.refusal.kind) ? 'notFound' : 'failed';
  throw new CommandEnd(exit, message);
}

/** A place that cannot be read proves nothing: unavailable, not a fault of ours. */
async function reading<T>(work: Promise<T>, { terminal }: LogCommandDeps, asJson: boolean | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof LogUnreadable)) throw error;
    if (asJson) terminal.json({ ok: false, reason: 'unreadable', message: error.message });
    throw new CommandEnd('unavailable', error.message);
  }
}

function addVerify(log: Command, deps: LogCommandDeps): void {
  withTrust(
    log.command('verify').argument('[target]', 'directory or http(s) address of a log; the own one if left out'),
  )
    .description('verify every tile and entry, the signature, the witnesses and what the entries say')
    .action(async (target: string | undefined, flags: TrustFlags) => {
      const where = target ?? ownLog(deps.home);
      const outcome = await reading(verifyLog(where, trustOf(deps, flags)), deps, flags.json);
      const report = expectYes(outcome, deps, flags.json);
      const summary = summarise(report);
      if (flags.json) deps.terminal.json(summary);
      else deps.terminal.data(`verified: ${report.checkpoint.size} entries of ${report.checkpoint.origin}\n`);
    });
}

function summarise({ checkpoint, signer, cosignatures, files, statements, commitments }: AuditReport): {
  [name: string]: Json;
} {
  return {
    ok: true,
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: Buffer.from(checkpoint.root).toString('hex'),
    key: formatVerifierKey(signer),
    witnesses: cosignatures.map(({ witness, timeSeconds }) => ({ name: witness.name, timeSeconds })),
    files,
    statements,
    commitments: commitments.length,
  };
}

function addProve(log: Command, deps: LogCommandDeps): void {
  withTrust(log.command('prove').argument('<entry>', 'index, id of an entry, or id of a commitment'))
    .description('write a proof that an entry is in the log, to be checked offline')
    .option('--log <target>', 'directory or address of the log; the own one if left out')
    .option('--out <file>', 'write the proof there instead of to standard output')
    .action(async (entry: string, flags: TrustFlags & { readonly log?: string; readonly out?: string }) => {
      const where = flags.log ?? ownLog(deps.home);
      const outcome = await reading(proveByName(where, entry, trustOf(deps, flags)), deps, flags.json);
      const { proof, proven } = expectYes(outcome, deps, flags.json);
      if (flags.out !== undefined) await writeFile(flags.out, proof);
      if (flags.json) {
        const { index, checkpoint } = proven;
        deps.terminal.json({
          ok: true,
          index,
          size: checkpoint.size,
          origin: checkpoint.origin,
          proof: proof.toString(),
        });
      } else if (flags.out === undefined) deps.terminal.data(proof);
    });
}

function addCheck(log: Command, deps: LogCommandDeps): void {
  withTrust(log.command('check').argument('<proof>', 'a .tlog-proof file'))
    .description('check a proof without a network')
    .action(async (path: string, flags: TrustFlags) => {
      const ownKey = join(deps.home, 'public', 'log.pub');
      const outcome = await reading(checkProofFile(path, trustOf(deps, flags), ownKey), deps, flags.json);
      const { entry, index, checkpoint, cosignatures } = expectYes(outcome, deps, flags.json);
      const read = readEntry(entry);
      const statement = read.ok ? (read.value.statement as unknown as Json) : null;
      const { origin, size } = checkpoint;
      if (flags.json) {
        deps.terminal.json({
          ok: true,
          origin,
          size,
          index,
          witnesses: cosignatures.map(({ witness }) => witness.name),
          statement,
        });
      } else deps.terminal.data(`proven: entry ${index} of ${size} in ${origin}\n`);
    });
}

function addOverdue(log: Command, deps: LogCommandDeps): void {
  withTrust(
    log.command('overdue').argument('[target]', 'directory or http(s) address of a log; the own one if left out'),
  )
    .description('verify the log and list what should have been opened by now')
    .option('--as-of <date>', 'the day to judge by, as YYYY-MM-DD; today if left out')
    .action(async (target: string | undefined, flags: TrustFlags & { readonly asOf?: string }) => {
      const now = flags.asOf === undefined ? deps.clock.now() : new Date(`${flags.asOf}T23:59:59Z`);
      if (Number.isNaN(now.getTime()))
        throw new CommandEnd('usage', `--as-of ${flags.asOf} is not a day as YYYY-MM-DD`);
      const outcome = await reading(verifyLog(target ?? ownLog(deps.home), trustOf(deps, flags)), deps, flags.json);
      const { checkpoint, commitments } = expectYes(outcome, deps, flags.json);
      const overdue = overdueOpenings(commitments, now);
      const count = (state: string) => commitments.filter((it) => it.state === state).length;
      if (flags.json) {
        deps.terminal.json({
          ok: overdue.length === 0,
          origin: checkpoint.origin,
          size: checkpoint.size,
          asOf: now.toISOString(),
          sealed: count('sealed'),
          opened: count('opened'),
          withdrawn: count('withdrawn'),
          shredded: count('shredded'),
          openedLate: openedLate(commitments),
          overdue: overdue.map((it) => ({ ...it })),
        });
      } else {
        for (const { commitment, openedBy, daysOverdue, state } of overdue) {
          deps.terminal.data(
            `${commitment} ${state === 'shredded' ? 'shredded' : `${daysOverdue} days`} promised ${openedBy}\n`,
          );
        }
      }
      if (overdue.length > 0) throw new CommandEnd('failed', `${overdue.length} openings are overdue`);
      deps.terminal.say(`Nothing is overdue among ${commitments.length} commitments.`);
    });
}

function addOpen(commit: Command, deps: LogCommandDeps): void {
  commit
    .command('open')
    .argument('<id>', 'commitment, finding or case')
    .requiredOption('--field <name>', `one of ${FINDING_FIELDS.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .description(
      'open one field of a sealed finding: value, salt and path; this is written into the history of the case',
    )
    .action(async (id: string, { field, json }: { readonly field: string; readonly json?: boolean }) => {
      if (!isFindingField(field)) throw new CommandEnd('usage', `--field is one of ${FINDING_FIELDS.join(', ')}`);
      const found = await deps.revealSealed(id, field);
      if (!found) throw new CommandEnd('notFound', `nothing sealed is known as ${id}`);
      const opening = openField(found.sealed, field);
      const printed = { commitment: found.commitment, name: opening.name, value: opening.value, proof: opening.proof };
      if (json) deps.terminal.json(printed);
      else deps.terminal.data(`${JSON.stringify(printed)}\n`);
    });
}

function addCheckOpening(commit: Command, deps: LogCommandDeps): void {
  withTrust(commit.command('check').argument('<opening>', 'a file as `commit open --json` writes it'))
    .description('check an opened field against the commitment in a log')
    .option('--log <target>', 'directory or address of the log; the own one if left out')
    .action(async (path: string, flags: TrustFlags & { readonly log?: string }) => {
      const opening = await readOpening(path);
      const outcome = await reading(verifyLog(flags.log ?? ownLog(deps.home), trustOf(deps, flags)), deps, flags.json);
      const { commitments } = expectYes(outcome, deps, flags.json);
      const sealed = commitments.find(({ id }) => id === opening.commitment);
      if (!sealed) throw new CommandEnd('notFound', `the log has no ${opening.commitment}`);
      expectYes(checkFieldOpening(sealed.schema, sealed.root, opening), deps, flags.json);
      const { commitment, name, value } = opening;
      const { sealedAt, index } = sealed;
      if (flags.json) deps.terminal.json({ ok: true, commitment, name, value, sealedAt, index });
      else deps.terminal.data(`proven: ${name} of ${commitment} was sealed as entry ${index}\n`);
    });
}

async function readOpening(path: string) {
  const text = await readFileText(path);
  const wrong = () => new CommandEnd('failed', `${path} is not an opening: {"commitment","name","value","proof"}`);
  if (text.length > MAX_OPENING_BYTES) throw wrong();
  let parsed: { commitment?: unknown; name?: unknown; value?: Json; proof?: unknown } | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong();
  }
  const { commitment, name, value, proof } = parsed ?? {};
  if (typeof commitment !== 'string' || typeof name !== 'string' || typeof proof !== 'string' || value === undefined) {
    throw wrong();
  }
  return { commitment, name, value, proof };
}
