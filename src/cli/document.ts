/** `validate` and `score`: checks of documents anybody may have, without a data directory. */

import type { Command } from 'commander';
import { scoreCvss } from '../formats/cvss.ts';
import { decideSsvc, SSVC_TABLES, type SsvcRefusal } from '../formats/ssvc.ts';
import { VALIDATED_FORMATS, type ValidatedFormat, validateText } from '../formats/validate.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface DocumentCommandParts {
  readonly terminal: Terminal;
}

/** Errors told to a person; `--json` tells all. */
const SHOWN_ERRORS = 20;

export function registerDocumentCommands(program: Command, { terminal }: DocumentCommandParts): void {
  program
    .command('validate <format> <file>')
    .description(`check a document: ${VALIDATED_FORMATS.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .action(async (format: string, file: string, { json }: { json?: boolean }) => {
      if (!isValidated(format)) {
        throw new CommandEnd('usage', `no such format: ${format}. There are ${VALIDATED_FORMATS.join(', ')}`);
      }
      const { valid, errors } = validateText(format, await readFileText(file));
      if (json) terminal.json({ valid, errors: errors.map((error) => ({ ...error })) });
      else
        for (const { test, path, message } of errors.slice(0, SHOWN_ERRORS))
          terminal.say(`${test} ${path}: ${message}`);
      terminal.say(valid ? `${file} is valid ${format}` : `${file} is not valid ${format}: ${errors.length} errors`);
      if (!valid) throw new CommandEnd('failed', '');
    });
  const score = program.command('score').description('score a vector, decide by a table');
  score
    .command('cvss <vector>')
    .description('score and severity of a CVSS 4.0 or 3.1 vector')
    .option('--json', 'one JSON value on standard output')
    .action((vector: string, { json }: { json?: boolean }) => {
      const scored = scoreCvss(vector);
      if (!scored.ok) throw new CommandEnd('usage', `not a vector: ${scored.refusal.reason}`);
      const { score: value, severity } = scored.value;
      if (json) terminal.json({ score: value, severity });
      else terminal.say(`${value.toFixed(1)} ${severity}`);
    });
  addSsvc(score, { terminal });
}

function addSsvc(score: Command, { terminal }: DocumentCommandParts): void {
  score
    .command('ssvc <table> [points...]')
    .description(`a decision by an SSVC table, points as key=value: ${SSVC_TABLES.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .action((table: string, points: string[], { json }: { json?: boolean }) => {
      const given = points.map((point): [string, string] => {
        const at = point.indexOf('=');
        if (at < 1) throw new CommandEnd('usage', `${point} is not key=value`);
        return [point.slice(0, at), point.slice(at + 1)];
      });
      const decided = decideSsvc(table, given);
      if (!decided.ok) throw new CommandEnd('usage', sentence(decided.refusal));
      const { decision, name } = decided.value;
      if (json) terminal.json({ decision });
      else terminal.say(name);
    });
}

function sentence(refusal: SsvcRefusal): string {
  switch (refusal.kind) {
    case 'no-such-table':
      return `no such table: ${refusal.table}. There are ${SSVC_TABLES.join(', ')}`;
    case 'no-such-point':
      return `the table has no decision point ${refusal.point}. It asks for ${refusal.known.join(', ')}`;
    case 'no-such-value':
      return `${refusal.point} has no value ${refusal.value}. It takes ${refusal.known.join(', ')}`;
    case 'missing-points':
      return `the table also asks for ${refusal.points.join(', ')}`;
  }
}

const isValidated = (name: string): name is ValidatedFormat => VALIDATED_FORMATS.some((format) => format === name);
