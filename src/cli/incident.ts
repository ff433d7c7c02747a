/** `incident`: taken in, closed at the gate where it is serious, worked through, with its clocks and drafts of notices. */
import type { Command } from 'commander';
import {
  draftNotices,
  type Incident,
  type IncidentOutcomeRefusal,
  type Incidents,
  type OpenedIncident,
  renderIncident,
  SEVERITIES,
} from '../incident/index.ts';
import type { Result } from '../lib/result.ts';
import type { Membership } from '../membership/index.ts';
import { settled as member, OPERATOR } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { toReleaseEnd } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface IncidentCommandParts {
  readonly terminal: Terminal;
  readonly incidents: () => Promise<Incidents>;
  readonly membership: () => Promise<Pick<Membership, 'findOrganisation' | 'findPerson'>>;
}

/** What `--yes` stands for, as the log says it. */
const SECOND = "the operator's word for a second person";

interface OpenOptions {
  readonly model?: string;
  readonly summary: string;
  readonly owner: string;
  readonly severity?: string;
  readonly stopOrg?: readonly string[];
  readonly stopPerson?: readonly string[];
  readonly stopKey?: readonly string[];
  readonly stopTool?: readonly string[];
  readonly json?: boolean;
}

export function registerIncidentCommands(program: Command, parts: IncidentCommandParts): void {
  const incident = program.command('incident').description('something went wrong: clocks, effects, notices, record');
  addOpen(incident, parts);
  addShow(incident, parts);
  addSteps(incident, parts);
  addRecord(incident, parts);
}

function addOpen(incident: Command, parts: IncidentCommandParts): void {
  const { terminal, incidents } = parts;
  incident
    .command('open <file>')
    .description('take one in, in the form that `clocks` reads; a serious one closes its model within a second')
    .option('--model <model>', 'that it is about')
    .requiredOption('--summary <text>', 'one paragraph, for the record')
    .option('--owner <name>', 'who works on it', OPERATOR)
    .option('--severity <name>', `at least: ${SEVERITIES.join(', ')}`)
    .option('--stop-org <org...>', 'stopped at the gate at once: its people, and whoever works for it')
    .option('--stop-person <person...>', 'likewise')
    .option('--stop-key <key...>', 'likewise, by its id')
    .option('--stop-tool <tool...>', 'likewise, by the name that calls declare')
    .option('--json', 'one JSON value on standard output')
    .action(async (file: string, options: OpenOptions) => {
      const severity = SEVERITIES.find((each) => each === options.severity);
      if (options.severity !== undefined && !severity) throw new CommandEnd('usage', `no severity ${options.severity}`);
      const { model, summary, owner } = options;
      const record = parseJson(file, await readText(file));
      const fresh = { record, model, summary, owner, severity, stops: await toStops(parts, options) };
      const opened = settled(await (await incidents()).open(fresh, OPERATOR));
      const { id, severity: found } = opened.incident;
      const clocks = opened.clocks.map(({ source, due, event, clause }) => ({ source, due, event, clause }));
      const { suspension = null, rolloutPaused, stops } = opened;
      if (options.json) terminal.json({ id, severity: found, suspension, rolloutPaused, stops, clocks });
      tellOpened(terminal, opened);
    });
}

async function toStops({ membership }: IncidentCommandParts, options: OpenOptions) {
  const { stopOrg = [], stopPerson = [], stopKey = [], stopTool = [] } = options;
  const stops: { organisation?: string; person?: string; key?: string; tool?: string }[] = [];
  for (const named of stopOrg)
    stops.push({ organisation: member(await (await membership()).findOrganisation(named)).id });
  for (const named of stopPerson) stops.push({ person: member(await (await membership()).findPerson(named)).id });
  return [...stops, ...stopKey.map((key) => ({ key })), ...stopTool.map((tool) => ({ tool }))];
}

function tellOpened(terminal: Terminal, { incident, suspension, rolloutPaused, stops, clocks }: OpenedIncident): void {
  const { id, severity, model } = incident;
  const effects = [
    ...(suspension ? [`${model} is closed by ${suspension}`] : []),
    ...(rolloutPaused ? [`the rollout of ${model} waits for \`release rollout resume\``] : []),
    ...stops.map((stop) => `stopped at the gate by ${stop}`),
  ];
  terminal.say([`${id}: ${severity}`, ...effects].join('; '));
  for (const { due, source, event } of clocks) terminal.say(`  ${due}  ${source}: ${event}`);
  terminal.say('Not legal advice: no lawyer has reviewed these clocks.');
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
    .description('its course; with --notices the drafts, one for each clock')
    .option('--notices', 'drafts, which a person completes and sends')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { notices, json }: { notices?: boolean; json?: boolean }) => {
      const found = await (await incidents()).find(id);
      if (!found) throw new CommandEnd('notFound', `there is no incident ${id}`);
      const { events, clocks, published } = found;
      if (json) {
        const told = events.map(({ at, event }) => ({ at: at.toISOString(), event }));
        const shown = { ...toShown(found.incident), events: told, clocks: clocks.map((each) => ({ ...each })) };
        terminal.json({ ...shown, published: published ? { ...published } : null });
      } else if (notices) for (const draft of draftNotices(found.incident, clocks)) terminal.data(draft);
      else terminal.data(renderIncident(found.incident, events));
    });
}

/** Looking back is a command of its own. */
const STEPS = ['contain', 'resolve'] as const;

function addSteps(incident: Command, { terminal, incidents }: IncidentCommandParts): void {
  incident
    .command('step <id> <step>')
    .description(STEPS.join(', '))
    .option('--note <text>', 'for those who work on it; not published', '')
    .action(async (id: string, name: string, { note }: { note: string }) => {
      const step = STEPS.find((each) => each === name);
      if (!step)
        throw new CommandEnd('usage', `no step ${name}. There are ${STEPS.join(', ')}; then \`incident review\``);
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

function addRecord(incident: Command, { terminal, incidents }: IncidentCommandParts): void {
  incident
    .command('amend <id> <file>')
    .description('what is known now: members of the record, and facts, over what was; may make it worse, never better')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, file: string, { json }: { json?: boolean }) => {
      const opened = settled(await (await incidents()).amend(id, parseJson(file, await readText(file)), OPERATOR));
      const { suspension = null, rolloutPaused, incident: after } = opened;
      const clocks = opened.clocks.map(({ source, due, event, clause }) => ({ source, due, event, clause }));
      if (json) terminal.json({ id, severity: after.severity, suspension, rolloutPaused, clocks });
      tellOpened(terminal, opened);
    });
  incident
    .command('review <id> <file>')
    .description('look back at a resolved one: what happened, causes, effects, and what changes, by whom, until when')
    .action(async (id: string, file: string) => {
      const { state } = settled(await (await incidents()).review(id, parseJson(file, await readText(file)), OPERATOR));
      terminal.say(`${id}: ${state}`);
    });
  incident
    .command('publish <id>')
    .description(
      'put the record of a reviewed one into the public log: summary, times, effects, clocks, review; no names',
    )
    .option('--yes', 'stands for the second person that this takes; the log says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const hands = { actor: OPERATOR, ...(yes && { second: SECOND }) };
      const published = settled(await (await incidents()).publish(id, hands));
      if (json) terminal.json({ id, ...published });
      terminal.say(`${id}: published in the log as ${published.entry}, sha256 ${published.sha256}`);
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
    case 'malformed-review':
      throw new CommandEnd('usage', `the review at ${refusal.place || 'its root'}: ${refusal.why}`);
    case 'second-person-needed':
      throw new CommandEnd('refused', 'publishing takes two persons: --yes stands for the second one');
    case 'not-stopped':
      throw new CommandEnd('refused', `nothing was taken in, because a stop was refused: ${refusal.why}`);
    case 'no-such-clock':
      throw new CommandEnd('notFound', `no clock ${refusal.clause} runs`);
    default:
      throw toReleaseEnd(refusal);
  }
}
