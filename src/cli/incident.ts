/** `incident`: taken in, closed at the gate where it is serious, worked through, with its clocks and drafts of notices. */
import type { Command } from 'commander';
import type { Result } from '../lib/result.ts';
import {
  draftNotices,
  INCIDENT_STEPS,
  type Incident,
  type IncidentOutcomeRefusal,
  type Incidents,
  renderIncident,
  SEVERITIES,
} from '../release/index.ts';
import { OPERATOR } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { toReleaseEnd } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface IncidentCommandParts {
  readonly terminal: Terminal;
  readonly incidents: () => Promise<Incidents>;
}

interface OpenOptions {
  readonly model?: string;
  readonly summary: string;
  readonly owner: string;
  readonly severity?: string;
  readonly json?: boolean;
}

export function registerIncidentCommands(program: Command, parts: IncidentCommandParts): void {
  const incident = program.command('incident').description('something went wrong: clocks, effects, notices, record');
  addOpen(incident, parts);
  addShow(incident, parts);
  addSteps(incident, parts);
}

function addOpen(incident: Command, { terminal, incidents }: IncidentCommandParts): void {
  incident
    .command('open <file>')
    .description('take one in, in the form that `clocks` reads; a serious one closes its model within a second')
    .option('--model <model>', 'that it is about')
    .requiredOption('--summary <text>', 'one paragraph, for the record')
    .option('--owner <name>', 'who works on it', OPERATOR)
    .option('--severity <name>', `at least: ${SEVERITIES.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .action(async (file: string, options: OpenOptions) => {
      const severity = SEVERITIES.find((each) => each === options.severity);
      if (options.severity !== undefined && !severity) throw new CommandEnd('usage', `no severity ${options.severity}`);
      const { model, summary, owner } = options;
      const fresh = { record: parseJson(file, await readText(file)), model, summary, owner, severity };
      const opened = settled(await (await incidents()).open(fresh, OPERATOR));
      const { id, severity: found } = opened.incident;
      const clocks = opened.clocks.map(({ source, due, event, clause }) => ({ source, due, event, clause }));
      if (options.json) terminal.json({ id, severity: found, suspension: opened.suspension ?? null, clocks });
      terminal.say(`${id}: ${found}${opened.suspension ? `; ${model} is closed by ${opened.suspension}` : ''}`);
      for (const { due, source, event } of clocks) terminal.say(`  ${due}  ${source}: ${event}`);
      terminal.say('Not legal advice: no lawyer has reviewed these clocks.');
    });
}

function addShow(incident: Command, { terminal, incidents }: IncidentCommandParts): void {
  incident
    .command('list')
    .description('the newest first')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const list = (await (await incidents()).list()).map(toShown);
      if (json) terminal.json(list);
      for (const { id, severity, state, summary } of list) terminal.say(`${id}  ${severity}  ${state}  ${summary}`);
    });
  incident
    .command('show <id>')
    .description('what is published of it; with --notices the drafts, one for each clock')
    .option('--notices', 'drafts, which a person completes and sends')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { notices, json }: { notices?: boolean; json?: boolean }) => {
      const found = await (await incidents()).find(id);
      if (!found) throw new CommandEnd('notFound', `there is no incident ${id}`);
      const { events, clocks } = found;
      if (json) {
        const told = events.map(({ at, event }) => ({ at: at.toISOString(), event }));
        terminal.json({ ...toShown(found.incident), events: told, clocks: clocks.map((each) => ({ ...each })) });
      } else if (notices) for (const draft of draftNotices(found.incident, clocks)) terminal.data(draft);
      else terminal.data(renderIncident(found.incident, events));
    });
}

function addSteps(incident: Command, { terminal, incidents }: IncidentCommandParts): void {
  incident
    .command('step <id> <step>')
    .description(INCIDENT_STEPS.join(', '))
    .option('--note <text>', 'for those who work on it; not published', '')
    .action(async (id: string, name: string, { note }: { note: string }) => {
      const step = INCIDENT_STEPS.find((each) => each === name);
      if (!step) throw new CommandEnd('usage', `no step ${name}. There are ${INCIDENT_STEPS.join(', ')}`);
      const moved = settled(await (await incidents()).step(id, step, { actor: OPERATOR, note }));
      terminal.say(`${id}: ${moved.state}`);
    });
  incident
    .command('noticed <id> <clause>')
    .description('the notice that a clock asks for has gone out; the log says when')
    .action(async (id: string, clause: string) => {
      const { due } = settled(await (await incidents()).noticed(id, clause, OPERATOR));
      terminal.say(`${clause}: noted; it was due ${due}`);
    });
}

function toShown({ id, model, severity, state, owner, summary, openedAt }: Incident) {
  return { id, model: model ?? null, severity, state, owner, summary, openedAt: openedAt.toISOString() };
}

function settled<T>(outcome: Result<T, IncidentOutcomeRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  switch (refusal.kind) {
    case 'malformed-incident':
      throw new CommandEnd('usage', `the record at ${refusal.place || 'its root'}: ${refusal.why}`);
    case 'origin-unknown':
      throw new CommandEnd('usage', `${refusal.clause} runs from ${refusal.origin}, which is not given`);
    case 'step-refused':
      throw new CommandEnd('conflict', `${refusal.step} is not open to an incident that is ${refusal.state}`);
    case 'no-such-clock':
      throw new CommandEnd('notFound', `no clock ${refusal.clause} runs`);
    default:
      throw toReleaseEnd(refusal);
  }
}
