/** `release adopt` and `release adoptions`: which frameworks are in force here, by whose signature, and for which bytes. */
import type { Command } from 'commander';
import type { Clock } from '../lib/clock.ts';
import { readFrameworkValue, signAdoption } from '../policy/index.ts';
import type { Adoptions, AdoptRefusal } from '../release/index.ts';
import { nounOf } from './member-input.ts';
import { openFrameworks, parseJson, readText } from './policy.ts';
import { openKey } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface AdoptionCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly adoptions: () => Promise<Adoptions>;
}

interface AdoptOptions {
  readonly trust: string;
  readonly sign: readonly string[];
  readonly acceptChangedBytes?: boolean;
  readonly json?: boolean;
}

export function registerAdoptionCommands(program: Command, parts: AdoptionCommandParts): void {
  const { terminal, adoptions } = parts;
  const release = nounOf(program, 'release', 'which stage a model is at');
  release
    .command('adopt <framework>')
    .description('a framework takes effect by an act that those who decide under it sign; a later act supersedes it')
    .requiredOption('--trust <file>', 'whose signature counts for what')
    .requiredOption('--sign <keyfile...>', 'Ed25519 keys (PEM) of the bodies that adopt it')
    .option('--accept-changed-bytes', 'other bytes were adopted under this label, and a person has looked at them')
    .option('--json', 'one JSON value on standard output')
    .action((file: string, options: AdoptOptions) => adopt(parts, file, options));
  release
    .command('adoptions')
    .description('every act of adoption; an alarm, and exit 1, where shipped bytes changed behind an adopted label')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const list = await (await adoptions()).list();
      if (json) terminal.json(list.map((each) => ({ ...each, at: each.at.toISOString() })));
      for (const { framework, label, digest, at, signedBy, inForce } of list) {
        const standing = inForce ? 'in force' : 'superseded';
        terminal.say(
          `${framework}  ${standing} since ${at.toISOString()}, by ${signedBy.join(', ')}: ${label}, ${digest}`,
        );
      }
      const alarms = list.filter(({ inForce, shippedDiffers }) => inForce && shippedDiffers);
      for (const { label } of alarms)
        terminal.say(`ALARM  ${label}: what is shipped has other bytes than what was adopted`);
      if (alarms.length > 0) throw new CommandEnd('failed', 'bytes changed behind an adopted label');
    });
}

async function adopt({ terminal, clock, adoptions }: AdoptionCommandParts, file: string, options: AdoptOptions) {
  const [document = null] = await openFrameworks([file]);
  const framework = readFrameworkValue(document);
  if (!framework.ok) throw toAdoptionEnd(framework.refusal);
  const signers = await Promise.all(options.sign.map(openKey));
  const adopted = await (await adoptions()).adopt({
    framework: document,
    trust: parseJson(options.trust, await readText(options.trust)),
    act: signAdoption(framework.value, clock.now(), signers),
    acceptChangedBytes: options.acceptChangedBytes,
  });
  if (!adopted.ok) throw toAdoptionEnd(adopted.refusal);
  const { act, label, digest, at, signedBy } = adopted.value;
  if (options.json) terminal.json({ ...adopted.value });
  terminal.say(`${label} is in force since ${at}, by ${signedBy.join(', ')}: ${digest}`);
  terminal.say(`a dossier names the act among its adoptions: ${act}`);
}

function toAdoptionEnd(refusal: AdoptRefusal): CommandEnd {
  switch (refusal.kind) {
    case 'act-unsigned':
      return new CommandEnd('refused', `the act is ${refusal.why}`);
    case 'malformed-act':
      return new CommandEnd('usage', `the act: ${refusal.why}`);
    case 'act-from-the-future':
      return new CommandEnd('refused', `the act is of ${refusal.at}, which is still to come`);
    case 'act-superseded':
      return new CommandEnd('conflict', `an act of ${refusal.at} is in force, which is later`);
    case 'label-changed':
      return new CommandEnd(
        'refused',
        `ALARM: under the label “${refusal.label}” other bytes were adopted before, ${refusal.before}. See \`framework diff\`; --accept-changed-bytes adopts them all the same, and the log says so`,
      );
    default:
      return new CommandEnd('refused', `${refusal.kind} at ${refusal.place || 'its root'}: ${refusal.why}`);
  }
}
