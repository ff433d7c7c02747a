/** `release reverse`: a body that may take a decision back does, with its signature; the model is closed at once. */
import type { Command } from 'commander';
import { evaluate, signReversal } from '../policy/index.ts';
import { findLogged, openEvidence, openLogged, type Release } from '../release/index.ts';
import { nounOf } from './member-input.ts';
import { toEvaluationEnd } from './policy.ts';
import { openKey, settled, toLine, toReplayEnd, toShown } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ReverseCommandParts {
  readonly terminal: Terminal;
  readonly release: () => Promise<Pick<Release, 'stageOf' | 'reverse'>>;
  readonly places: { readonly log: string; readonly evidence: string };
}

interface Options {
  readonly reason: string;
  readonly sign: readonly string[];
  readonly json?: boolean;
}

export function registerReverseCommand(program: Command, { terminal, release, places }: ReverseCommandParts): void {
  nounOf(program, 'release', 'which stage a model is at')
    .command('reverse <model>')
    .description(
      'take back the decision in force, by a body that its framework lets; the model is closed until another',
    )
    .requiredOption('--reason <text>', 'signed with it')
    .requiredOption('--sign <keyfile...>', 'Ed25519 keys (PEM) of bodies that may reverse it')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { reason, sign, json }: Options) => {
      const service = await release();
      const { decided } = await service.stageOf(model);
      if (!decided) throw new CommandEnd('notFound', `no decision is in force on ${model}`);
      const found = await findLogged(places.log, {}, decided.decision);
      if (!found.ok) throw toReplayEnd(found.refusal);
      if (!found.value) throw toReplayEnd({ kind: 'not-logged', decision: decided.decision });
      const documents = await openLogged(found.value, openEvidence(places.evidence));
      if (!documents.ok) throw toReplayEnd(documents.refusal);
      const { semantics } = found.value;
      const decision = evaluate(documents.value, semantics);
      if (!decision.ok) throw toEvaluationEnd(decision.refusal);
      const signers = [];
      for (const file of sign) signers.push(await openKey(file));
      const reversal = signReversal(decided.decision, reason, signers);
      const stage = settled(await service.reverse(documents.value, reversal, semantics));
      if (json) terminal.json(toShown(stage));
      terminal.say(`${decided.decision} is reversed; ${toLine(stage)}`);
    });
}
