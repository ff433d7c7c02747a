/** `exposure import | contact | agree | show | notices`: what partners deliver, whom a case hits, and who is told. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import {
  type Exposure,
  isDirect,
  type Noticed,
  type Notices,
  type NoticesRefusal,
  type PartnerExposure,
} from '../exposure/index.ts';
import { MAX_SBOM_BYTES } from '../formats/sbom.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Membership } from '../membership/index.ts';
import { readFileBytes, readFileText } from './file-input.ts';
import { settled } from './member-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface ExposureCommandParts {
  readonly terminal: Terminal;
  readonly partners: () => Promise<{
    readonly exposure: Pick<Exposure, 'importBom' | 'show' | 'dependents'>;
    readonly notices: Notices;
  }>;
  readonly membership: () => Promise<Pick<Membership, 'findOrganisation'>>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

interface JsonOption {
  readonly json?: boolean;
}

export function registerExposureCommands(program: Command, parts: ExposureCommandParts): void {
  const exposure = program
    .command('exposure')
    .description('partners’ bills of materials, whom a case hits, and their head start');
  addImport(exposure, parts);
  addContact(exposure, parts);
  addAgree(exposure, parts);
  addShow(exposure, parts);
  addDependents(exposure, parts);
  addNotices(exposure, parts);
}

function addDependents(exposure: Command, { terminal, partners }: ExposureCommandParts): void {
  exposure
    .command('dependents <case>')
    .description(
      'packages of partners’ products that need the flawed one themselves, most partners first; their secret',
    )
    .option(...JSON_OPTION)
    .action(async (caseId: string, { json }: JsonOption) => {
      const dependents = await (await partners()).exposure.dependents(caseId);
      if (!dependents) throw new CommandEnd('notFound', `there is no case ${caseId}`);
      if (json) terminal.json(dependents.map((each) => ({ ...each })));
      for (const { purl, partners: count } of json ? [] : dependents) terminal.say(`${count}  ${purl}`);
      terminal.say(`${dependents.length} packages; \`patch dependents --case\` tries what several partners have`);
    });
}

function addImport(exposure: Command, { terminal, partners, membership }: ExposureCommandParts): void {
  exposure
    .command('import <org> <file>')
    .description(
      'a bill of materials of what a partner delivers: CycloneDX 1.4 to 1.7 or SPDX 2.2, 2.3, 3.0, JSON; kept encrypted',
    )
    .option(...JSON_OPTION)
    .action(async (named: string, file: string, { json }: JsonOption) => {
      const { id, name } = settled(await (await membership()).findOrganisation(named));
      const imported = await (await partners()).exposure.importBom(id, await readFileBytes(file, MAX_SBOM_BYTES));
      if (!imported.ok) {
        throw new CommandEnd(
          'failed',
          `${file} is not taken over: ${imported.refusal.place}: ${imported.refusal.reason}`,
        );
      }
      const it = imported.value;
      if (json) terminal.json({ ...it });
      terminal.say(
        it.isKnown
          ? `${name}, ${it.product}: known, nothing changed`
          : `${name}, ${it.product} (${it.format}): ${it.received} components, ${it.named} by package URL, ${it.unnamed} that nothing can find${it.replaced ? '; the older one of this product counts no more' : ''}`,
      );
    });
}

interface ContactOptions extends JsonOption {
  readonly name?: string;
  readonly zone: string;
  readonly key?: string;
}

function addContact(exposure: Command, { terminal, partners, membership }: ExposureCommandParts): void {
  exposure
    .command('contact <org> <address>')
    .description('where a partner is told: name@example.org or webhook:https://…; kept encrypted')
    .option('--name <name>', 'of the team; the organisation’s where left out')
    .option('--zone <zone>', 'its time zone, such as Europe/Berlin', 'UTC')
    .option('--key <file>', 'an age recipient or an armoured OpenPGP key to encrypt to')
    .option(...JSON_OPTION)
    .action(async (named: string, address: string, { name, zone, key, json }: ContactOptions) => {
      const { id, name: own } = settled(await (await membership()).findOrganisation(named));
      const publicKey = key === undefined ? undefined : await readFileText(key);
      const contact = { name: name ?? own, address, zone, ...(publicKey !== undefined && { publicKey }) };
      const set = await (await partners()).notices.setContact(id, contact);
      if (!set.ok) throw new CommandEnd('usage', CONTACT_TROUBLE[set.refusal.kind]);
      if (json) terminal.json({ organisation: id });
      terminal.say(`${own} is told at ${address}`);
    });
}

const CONTACT_TROUBLE = {
  'no-such-address': 'a partner is told by a mail address or webhook:https://…',
  'no-such-zone': '--zone is no time zone, such as Europe/Berlin',
  'no-public-key': '--key holds neither an age recipient nor an OpenPGP key that can be used',
} as const;

function addAgree(exposure: Command, { terminal, partners, membership }: ExposureCommandParts): void {
  exposure
    .command('agree <org>')
    .description('it has agreed to keep silent about whatever it is told of: it then sees the flaw at once')
    .option('--end', 'the agreement ends, for cases to come')
    .option(...JSON_OPTION)
    .action(async (named: string, { end, json }: JsonOption & { readonly end?: boolean }) => {
      const { id, name } = settled(await (await membership()).findOrganisation(named));
      await (await partners()).notices.setAgreement(id, end ? null : OPERATOR);
      if (json) terminal.json({ organisation: id, agreed: !end });
      terminal.say(end ? `${name} is only invited from now on` : `${name} is bound by every embargo it is told of`);
    });
}

function addShow(exposure: Command, { terminal, partners, membership }: ExposureCommandParts): void {
  exposure
    .command('show <case>')
    .description(
      'the blast radius: which products of which partners, directly or through what; names partners’ secrets',
    )
    .option(...JSON_OPTION)
    .action(async (caseId: string, { json }: JsonOption) => {
      const exposed = await (await partners()).exposure.show(caseId);
      if (!exposed) throw new CommandEnd('notFound', `there is no case ${caseId}`);
      const shown = await Promise.all(
        exposed.map(async (each) => ({ name: await nameOf(await membership(), each.organisationId), ...each })),
      );
      if (json) terminal.json(shown.map(toJson));
      for (const { name, products } of json ? [] : shown) sayPartner(terminal, name, products);
      terminal.say(exposed.length === 1 ? '1 partner has the package' : `${exposed.length} partners have the package`);
    });
}

/** An organisation that is gone keeps its id. */
async function nameOf(membership: Pick<Membership, 'findOrganisation'>, id: string): Promise<string> {
  const found = await membership.findOrganisation(id);
  return found.ok ? found.value.name : id;
}

const toJson = ({ name, organisationId, products }: PartnerExposure & { readonly name: string }): Json => ({
  organisation: organisationId,
  name,
  products: products.map(({ product, version, hits }) => ({
    product,
    version,
    components: hits.map((hit) => ({
      purl: hit.purl,
      version: hit.version,
      affected: hit.affected,
      direct: isDirect(hit),
      path: hit.path === null ? null : [...hit.path],
    })),
  })),
});

const AFFECTED = { yes: 'affected', no: 'not affected', unknown: 'nobody can say' } as const;

function sayPartner(terminal: Terminal, name: string, products: PartnerExposure['products']): void {
  terminal.say(name);
  for (const { product, version, hits } of products) {
    terminal.say(`  ${product}${version === null ? '' : ` ${version}`}`);
    for (const hit of hits) {
      const way = isDirect(hit)
        ? 'directly'
        : hit.path
          ? `through ${hit.path.slice(0, -1).join(' > ')}`
          : 'not said how';
      terminal.say(`    ${hit.purl}: ${AFFECTED[hit.affected]}, ${way}`);
    }
  }
}

interface NoticeCommandOptions extends JsonOption {
  readonly dryRun?: boolean;
  readonly agreedWith?: string;
}

function addNotices(exposure: Command, { terminal, partners, membership }: ExposureCommandParts): void {
  exposure
    .command('notices <case>')
    .description('tell the partners that it hits, once each, under the rules of its embargo')
    .option('--dry-run', 'tell nobody; say who would be told')
    .option('--agreed-with <words>', 'what was agreed with the maintainers, where the policy leaves it to that')
    .option(...JSON_OPTION)
    .action(async (caseId: string, { json, ...options }: NoticeCommandOptions) => {
      const told = await (await partners()).notices.tell(caseId, { actor: OPERATOR, ...options });
      if (!told.ok) throw new CommandEnd(EXITS[told.refusal.kind] ?? 'refused', noticeSentence(told.refusal));
      const named = await Promise.all(
        told.value.map(async (each) => ({ ...each, name: await nameOf(await membership(), each.organisationId) })),
      );
      if (json) terminal.json(named.map(({ organisationId, ...each }) => ({ organisation: organisationId, ...each })));
      for (const each of json ? [] : named) terminal.say(`${each.name}: ${outcomeWords(each)}`);
      if (named.length === 0) terminal.say('it hits no partner that we know of');
    });
}

function outcomeWords({ outcome, isBound, partyId }: Noticed): string {
  const how = isBound ? 'bound by its agreement' : 'invited';
  switch (outcome) {
    case 'told':
      return `told, ${how} (${partyId})`;
    case 'would-be-told':
      return `would be told, ${how}`;
    case 'told-before':
      return `told before (${partyId})`;
    case 'no-contact':
      return 'not told: `exposure contact` says where it is reached';
  }
}

const EXITS: Readonly<Partial<Record<NoticesRefusal['kind'], ExitName>>> = { 'no-such-case': 'notFound' };

function noticeSentence(refusal: NoticesRefusal): string {
  switch (refusal.kind) {
    case 'no-such-case':
      return `there is no case ${refusal.id}`;
    case 'demonstration':
      return 'a demonstration is told to nobody';
    case 'maintainers-first':
      return 'its maintainers are told first: `case step ID notify`';
    case 'over':
      return `it is ${refusal.stage}: there is no head start to give`;
    case 'fix-first':
      return `nobody is told before there is a fix (${refusal.policy})`;
    case 'needs-agreement':
      return `its policy leaves that to the maintainers (${refusal.policy}): --agreed-with says what was agreed`;
    default:
      return `no partner can join it: ${refusal.kind}`;
  }
}
