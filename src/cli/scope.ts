/** `scope`: on which assets an organisation may use the model, and what shows it. */

import { createPublicKey } from 'node:crypto';
import type { Command } from 'commander';
import type { Json } from '../lib/canonical-json.ts';
import { readEd25519Pem } from '../lib/ed25519.ts';
import type { Result } from '../lib/result.ts';
import {
  ASSET_FORMS,
  assetText,
  instruct,
  METHODS,
  type Method,
  type ScopedAsset,
  type ScopeRefusal,
  type Scoping,
  signAuthorisation,
  signCriticalList,
} from '../scope/index.ts';
import { readFileBytes, readFileText } from './file-input.ts';
import { readJsonFile, toInstant } from './member-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface ScopeCommandParts {
  readonly terminal: Terminal;
  readonly scoping: () => Promise<Scoping>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

export function registerScopeCommands(program: Command, parts: ScopeCommandParts): void {
  const scopes = program.command('scope').description('the assets an organisation may use the model on');
  addAdding(scopes, parts);
  addLooking(scopes, parts);
  addLending(scopes, parts);
}

interface AddOptions {
  readonly target: readonly string[];
  readonly until?: string;
  readonly prove?: string;
  readonly json?: boolean;
}

function addAdding(scopes: Command, { terminal, scoping }: ScopeCommandParts): void {
  scopes
    .command('add <org>')
    .description("assets at the operator's word, or to be proven by their owner")
    .requiredOption('--target <asset...>', ASSET_FORMS)
    .option('--until <date>', 'an end; never more than a year')
    .option('--prove <method>', `wait for a proof of control: ${METHODS.join(', ')}`)
    .option(...JSON_OPTION)
    .action(async (org: string, { target, until, prove, json }: AddOptions) => {
      const service = await scoping();
      const end = toInstant(until);
      if (prove === undefined) {
        const { id, assets } = settled(await service.vouch(org, target, end));
        if (json) terminal.json({ id, assets: assets.map(toShown) });
        terminal.say(`${id}: stands at the operator's word; the log says so`);
        return;
      }
      const method = METHODS.find((name): name is Method => name === prove);
      if (!method) throw new CommandEnd('usage', `no such proof: ${prove}. There are ${METHODS.join(', ')}`);
      const { id, challenges } = settled(await service.request(org, target, method, end));
      if (json) terminal.json({ id, challenges: challenges.map((challenge) => ({ ...challenge })) });
      for (const challenge of challenges) terminal.say(instruct(challenge));
      terminal.say(`Then: headstart scope prove ${id}`);
    });
  scopes
    .command('prove <scope>')
    .description('look whether the proofs are there')
    .option(...JSON_OPTION)
    .action(async (scope: string, { json }: { json?: boolean }) => {
      const assets = await (await scoping()).prove(scope);
      if (assets.length === 0) throw new CommandEnd('notFound', `there is no scope ${scope}`);
      if (json) terminal.json(assets.map(toShown));
      for (const it of assets) terminal.say(`${assetText(it.asset)}  ${it.standing.state}  ${it.trouble ?? ''}`);
      const waiting = assets.filter(({ standing }) => standing.state !== 'standing').length;
      if (waiting > 0) throw new CommandEnd('failed', `${waiting} of ${assets.length} do not stand`);
    });
  scopes
    .command('withdraw <scope>')
    .description('end it; what was lent on the strength of it ends too')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: { json?: boolean }) => {
      settled(await (await scoping()).withdraw(id));
      if (json) terminal.json({ id });
      terminal.say(`${id}: withdrawn`);
    });
}

function addLooking(scopes: Command, { terminal, scoping }: ScopeCommandParts): void {
  scopes
    .command('check <org> <target>')
    .description('is this target in a scope of the organisation? exit 0 yes, 1 no')
    .option(...JSON_OPTION)
    .action(async (org: string, target: string, { json }: { json?: boolean }) => {
      const answer = settled(await (await scoping()).check(org, target));
      if (json) {
        terminal.json(
          answer.allowed ? { ...answer, basis: answer.basis.by, until: answer.until.toISOString() } : answer,
        );
      }
      if (!answer.allowed) throw new CommandEnd('failed', answer.reason);
      terminal.say(`yes: ${answer.asset} in ${answer.scope}, until ${answer.until.toISOString()}`);
    });
  scopes
    .command('list <org>')
    .description('its scopes and what they rest on')
    .option(...JSON_OPTION)
    .action(async (org: string, { json }: { json?: boolean }) => {
      const holdings = settled(await (await scoping()).list(org));
      if (json) {
        terminal.json(
          holdings.map(({ scope, assets }) => ({
            id: scope.id,
            endsAt: scope.endsAt?.toISOString() ?? null,
            withdrawnAt: scope.withdrawnAt?.toISOString() ?? null,
            assets: assets.map(toShown),
          })),
        );
        return;
      }
      for (const { scope, assets } of holdings) {
        for (const it of assets) terminal.say(`${scope.id}  ${it.standing.state}  ${assetText(it.asset)}`);
      }
    });
}

interface LendOptions {
  readonly from: string;
  readonly to: string;
  readonly target: readonly string[];
  readonly until: string;
  readonly key: string;
}

function addLending(scopes: Command, { terminal, scoping }: ScopeCommandParts): void {
  scopes
    .command('signer <org> <file>')
    .description('an Ed25519 public key (PEM) by which the organisation authorises others')
    .option('--name <text>', 'whose key it is', 'signer')
    .action(async (org: string, file: string, { name }: { name: string }) => {
      settled(await (await scoping()).addSigner(org, name, await readPublicKey(file)));
      terminal.say(`${org}: documents signed by that key speak for it`);
    });
  scopes
    .command('lend')
    .description('write a signed authorisation to standard output; needs no data directory')
    .requiredOption('--from <org>', 'id of the organisation that holds the assets')
    .requiredOption('--to <org>', 'id of the one that may examine them')
    .requiredOption('--target <asset...>', ASSET_FORMS)
    .requiredOption('--until <date>', 'the end')
    .requiredOption('--key <file>', 'the Ed25519 private key (PEM) of the holder')
    .action(async ({ from, to, target, until, key }: LendOptions) => {
      const signer = readEd25519Pem(await readFileText(key));
      const end = toInstant(until) ?? new Date(0);
      terminal.data(settled(signAuthorisation({ from, to, targets: target, until: end }, signer)));
    });
  scopes
    .command('authorise <file>')
    .description('take in a signed authorisation')
    .option(...JSON_OPTION)
    .action(async (file: string, { json }: { json?: boolean }) => {
      const { id } = settled(await (await scoping()).importAuthorisation(await readFileBytes(file)));
      if (json) terminal.json({ id });
      terminal.say(`${id}: stands as long as the lender holds it`);
    });
  scopes
    .command('sign-list <file>')
    .description('write a signed list of critical open source to standard output; needs no data directory')
    .requiredOption('--key <file>', 'the Ed25519 private key (PEM) of who answers for the list')
    .action(async (file: string, { key }: { key: string }) => {
      const signer = readEd25519Pem(await readFileText(key));
      terminal.data(settled(signCriticalList(await readJsonFile(file), signer)));
    });
  scopes
    .command('import-list <file>')
    .description('take in a signed list of critical open source')
    .requiredOption('--key <file>', 'the Ed25519 public key (PEM) it must be signed by')
    .option(...JSON_OPTION)
    .action(async (file: string, { key, json }: { key: string; json?: boolean }) => {
      const trusted = [await readPublicKey(key)];
      const taken = settled(await (await scoping()).importCriticalList(await readFileBytes(file), trusted));
      if (json) terminal.json({ ...taken });
      terminal.say(`assigned to ${taken.organisations} organisations; not known here: ${taken.unknown.length}`);
    });
}

function toShown({ asset, standing, trouble }: ScopedAsset): Json {
  const held = standing.state === 'standing' || standing.state === 'lapsed' ? standing : undefined;
  return {
    asset: assetText(asset),
    state: standing.state,
    basis: held?.basis.by ?? null,
    until: held?.until.toISOString() ?? null,
    trouble: trouble ?? null,
  };
}

async function readPublicKey(path: string): Promise<Uint8Array> {
  const text = await readFileText(path);
  try {
    const { x, crv } = createPublicKey(text).export({ format: 'jwk' });
    if (crv === 'Ed25519' && x) return Buffer.from(x, 'base64url');
  } catch {
    // Said below.
  }
  throw new CommandEnd('usage', `${path} is no Ed25519 public key in PEM (openssl pkey -pubout)`);
}

const EXITS: Readonly<Record<ScopeRefusal['kind'], ExitName>> = {
  'bad-asset': 'usage',
  'bad-document': 'refused',
  'no-such-step': 'refused',
  'unknown-organisation': 'notFound',
  'unknown-scope': 'notFound',
  'too-many-assets': 'usage',
  'no-such-proof': 'usage',
  'not-the-holder': 'refused',
};

function settled<T>(outcome: Result<T, ScopeRefusal>): T {
  if (outcome.ok) return outcome.value;
  throw new CommandEnd(EXITS[outcome.refusal.kind], reasonOf(outcome.refusal));
}

function reasonOf(refusal: ScopeRefusal): string {
  switch (refusal.kind) {
    case 'bad-asset':
      return `${refusal.text}: ${refusal.why}`;
    case 'bad-document':
      return `the document counts for nothing: ${refusal.why}`;
    case 'no-such-step':
      return `not possible while it is ${refusal.state}: ${refusal.why}`;
    case 'unknown-organisation':
      return `there is no organisation ${refusal.name}, or more than one of that name`;
    case 'unknown-scope':
      return `there is no scope ${refusal.id}`;
    case 'too-many-assets':
      return `a scope has 1 to ${refusal.limit} assets`;
    case 'no-such-proof':
      return `${refusal.asset} cannot be proven by ${refusal.method}`;
    case 'not-the-holder':
      return `${refusal.organisation} does not hold ${refusal.asset} itself, so it cannot lend it`;
  }
}
