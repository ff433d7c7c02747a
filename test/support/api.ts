/** The API on a real listening server over a real programme, and callers with sessions of any role. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import Fastify from 'fastify';
import { addApi } from '../../src/api/index.ts';
import { openCaseApi } from '../../src/case-api.ts';
import { readConfig } from '../../src/config.ts';
import { carryOutWith } from '../../src/console.ts';
import { createEgress, type Egress, namedOrigins } from '../../src/egress/index.ts';
import { listenOnLoopback, PROBLEM_TYPE } from '../../src/http/index.ts';
import { createLedger } from '../../src/ledger/index.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createCaps, createKeyDesk, createProposals } from '../../src/membership/index.ts';
import { createParts as createInstallationParts } from '../../src/parts.ts';
import { createNoticeStore } from '../../src/program/index.ts';
import { createProofClient, createScoping } from '../../src/scope/index.ts';
import { createServices } from '../../src/services.ts';
import { createProviderClient, createSignIn, type Role } from '../../src/signin/index.ts';
import { createSessionStore } from '../../src/signin/signin-store.ts';
import { createTestDatabase } from '../../src/store/test-database.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';
import { createVetting } from '../../src/vetting/index.ts';
import { ACTOR, createWorld, type World } from './programme.ts';

export const ORIGIN = 'http://localhost:8470';
const GATE = 'http://127.0.0.1:8472';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into member by member
  readonly json: any;
}

export interface Visitor {
  readonly person: string;
  readonly cookie: string;
  ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export type Api = Awaited<ReturnType<typeof createApi>>;

export async function createApi(clock: Clock = systemClock) {
  const world = await createWorld(clock);
  const tags = new Set<string>();
  const faults: unknown[] = [];
  const desk = await createDesk();
  const parts = { ...createParts(world, clock, tags, faults), cases: desk.cases };
  const server = Fastify({ logger: false });
  await addApi(server, parts);
  const url = await listenOnLoopback(server, 0);
  const answers: Answer[] = [];
  const ask = createAsk(url, answers);
  return {
    ...parts,
    world,
    services: desk.services,
    intake: desk.services.intake,
    url,
    faults,
    /** Everything that was ever answered. */
    answers,
    /** Dist-tags that the registry shows, of every package. */
    tags,
    stranger: ask,
    /** Somebody of an organisation with these roles, signed in. */
    async visitor(organisation: string, roles: readonly Role[], options: VisitorOptions = {}): Promise<Visitor> {
      const { isResistant = true, forOrganisation } = options;
      const email = options.email ?? `p${Buffer.from(systemRandom(6)).toString('hex')}@org.test`;
      const person = await world.person(organisation, email, { ...(forOrganisation && { forOrganisation }) });
      for (const role of roles) await parts.signIn.giveRole(person, role, ACTOR);
      const token = Buffer.from(systemRandom(32)).toString('base64url');
      const method = isResistant ? 'passkey' : 'provider';
      const session = { person, method, isResistant, createdAt: clock.now() } as const;
      await createSessionStore(world.database).insert(sha256(token), session);
      const cookie = `headstart-session=${token}`;
      return {
        person,
        cookie,
        ask: (verb, path, body, headers = {}) => ask(verb, path, body, { cookie, ...headers }),
      };
    },
    async close(): Promise<void> {
      await server.close();
      await desk.close();
      await world.close();
    },
  };
}

/** The cases of an installation beside the programme: on a database of its own, since each has keys of its own. */
async function createDesk() {
  const home = makeTestDirectory('headstart-desk-');
  const { url, drop } = await createTestDatabase();
  const silent = { say: () => {}, json: () => {}, data: () => {} };
  const installation = createInstallationParts(readConfig({ HEADSTART_HOME: home, DATABASE_URL: url }), silent);
  const services = await createServices(installation);
  return {
    services,
    cases: await openCaseApi(installation, services, () => ORIGIN),
    async close(): Promise<void> {
      await installation.close();
      await drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function createParts(world: World, clock: Clock, tags: ReadonlySet<string>, faults: unknown[]) {
  const { database, membership, keys, stops } = world;
  const random = systemRandom;
  const ledger = createLedger({ database, clock });
  const origin = (): string => ORIGIN;
  const calendar = { timeZone: 'UTC', holidays: new Set<string>() };
  const vetting = createVetting({ ...world.parts, membership, keys, calendar });
  const egress = createEgress({ named: namedOrigins([]) });
  const signIn = createTestSignIn(world, clock, egress);
  const carryOut = carryOutWith({ stops, vetting, membership, keys }, signIn, origin);
  let monotonicMs = 0;
  return {
    ...{ database, clock, membership, keys, stops, vetting, ledger, signIn, origin },
    scoping: createScoping({
      ...world.parts,
      findOrganisation: membership.organisationNamed,
      setPass: (tx, pass) => createNoticeStore(tx).setPass(pass),
      proofs: createProofClient({ egress, findDistTags: async () => tags, rawFileUrls: new Map() }),
    }),
    desk: createKeyDesk({ database, clock, keys, gateUrl: () => GATE }),
    caps: createCaps({ ...world.parts, setCap: ledger.setCapIn }),
    proposals: createProposals({ database, clock, random, carryOut }),
    version: '0.0.0',
    // Ten seconds between two requests, so that a test with many of them is not held up.
    monotonicMs: () => {
      monotonicMs += 10_000;
      return monotonicMs;
    },
    onFault: (error: unknown) => void faults.push(error),
  };
}

function createTestSignIn({ database, membership }: World, clock: Clock, egress: Egress) {
  return createSignIn({
    ...{ database, clock, random: systemRandom, origin: () => ORIGIN },
    findPerson: async (_tx, id) => {
      const found = await membership.findPerson(id);
      const isTheirs = found.ok && found.value.id === id;
      return isTheirs ? { ...found.value, isActive: found.value.standing === 'active' } : undefined;
    },
    findByEmail: async () => [],
    providers: createProviderClient({ egress, findSecret: () => undefined, redirectUri: () => `${ORIGIN}/callback` }),
  });
}

function createAsk(url: string, answers: Answer[]) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(method === 'GET' ? {} : { origin: ORIGIN }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text === '' ? undefined : JSON.parse(text);
    const answer = { status: response.status, headers: response.headers, text, json };
    answers.push(answer);
    return answer;
  };
}

interface VisitorOptions {
  readonly email?: string;
  readonly isResistant?: boolean;
  readonly forOrganisation?: string;
}

/** A lab, a partner and a stranger's organisation, one model, and a person of each kind. */
export async function createStaffedApi() {
  const api = await createApi();
  const lab = await api.world.organisation('Lab', 'internal');
  const acme = await api.world.organisation('Acme', 'partner', 'KR');
  const other = await api.world.organisation('Other');
  await api.world.model('m1');
  return {
    ...{ api, lab, acme, other },
    admin: await api.visitor(lab, ['admin']),
    lead: await api.visitor(lab, ['safeguards-lead']),
    member: await api.visitor(acme, ['member']),
    stranger: await api.visitor(other, ['member']),
  };
}

export const kindOf = ({ json }: Answer): string => String(json?.type ?? '').replace(PROBLEM_TYPE, '');
export const saidOf = (answer: Answer) => [answer.status, kindOf(answer)];

/** What was answered; fails where it was not done. */
export async function done(answer: Promise<Answer>) {
  const { status, text, json } = await answer;
  assert.ok(status === 200 || status === 201, `${status} ${text}`);
  return json;
}
