/** As much of GitHub's REST interface as reports, advisories and issues need, in the types of its own description. */
import type { components } from '@octokit/openapi-types';
import { type Asked, type FaultyServerOptions, type Reply, startFaultyServer } from './faulty-server.ts';

type Schemas = components['schemas'];
type Advisory = Schemas['repository-advisory'];
/** Of an issue what a listing is read for. */
type Issue = Pick<Schemas['issue'], 'number' | 'title' | 'state' | 'created_at' | 'user'> & { body: string };

export const GITHUB_TOKEN = 'marker-of-the-token';
const LOGIN = 'the-coordinator';
const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;

export interface FakeRepository {
  readonly advisories: Advisory[];
  readonly issues: Issue[];
  privateReporting: boolean;
  /** Of the repository itself. */
  about: Readonly<Record<string, unknown>>;
}

export async function startFakeGithub(options: Omit<FaultyServerOptions, 'act'> = {}) {
  const repositories = new Map<string, FakeRepository>();
  const repository = (path: string): FakeRepository => {
    const known = repositories.get(path) ?? {
      advisories: [],
      issues: [],
      privateReporting: true,
      about: { fork: false, archived: false },
    };
    repositories.set(path, known);
    return known;
  };
  const server = await startFaultyServer({ ...options, act: (asked) => answer(asked, repository) });
  return { ...server, repository, repositories };
}

const no = (status: number, message: string): Reply => ({
  status,
  json: {
    message,
    documentation_url: 'https://docs.github.com/rest',
    status: String(status),
  } satisfies Schemas['basic-error'],
});

function answer(asked: Asked, repository: (path: string) => FakeRepository): Reply {
  if (asked.headers.authorization !== `token ${GITHUB_TOKEN}`) return no(401, 'Bad credentials');
  if (asked.url.pathname === '/user') return { status: 200, json: user() };
  const [, path = '', rest = ''] = /^\/repos\/([^/]+\/[^/]+)(?:\/(.+))?$/.exec(asked.url.pathname) ?? [];
  const here = repository(path);
  switch (`${asked.method} ${rest}`) {
    case 'POST security-advisories/reports':
      return here.privateReporting ? report(here, path, asked, 'triage') : no(404, 'Not Found');
    case 'POST security-advisories':
      return report(here, path, asked, 'draft');
    case 'POST issues':
      return issue(here, asked);
    case 'GET security-advisories':
      return listAdvisories(here, asked);
    case 'GET issues':
      return { status: 200, json: pageOf(here.issues.toReversed(), asked) };
    case 'GET ':
      return { status: 200, json: { full_name: path, ...here.about } };
    case 'GET private-vulnerability-reporting':
      return { status: 200, json: { enabled: here.privateReporting } };
    default:
      return no(404, 'Not Found');
  }
}

function report(here: FakeRepository, path: string, asked: Asked, state: Advisory['state']): Reply {
  const body = JSON.parse(asked.body) as Partial<Schemas['private-vulnerability-report-create']>;
  if (!body.summary || !body.description || body.description.length > 65_535) {
    return {
      status: 422,
      json: { message: 'Validation Failed', documentation_url: '' } satisfies Schemas['validation-error'],
    };
  }
  const now = new Date().toISOString();
  const ghsa = ghsaOf(here.advisories.length, path);
  const url = `https://github.invalid/${path}/security/advisories/${ghsa}`;
  const advisory: Advisory = {
    ghsa_id: ghsa,
    cve_id: null,
    url,
    html_url: url,
    summary: body.summary,
    description: body.description,
    severity: body.severity ?? null,
    author: user(),
    publisher: null,
    identifiers: [{ type: 'GHSA', value: ghsa }],
    state,
    created_at: now,
    updated_at: now,
    published_at: null,
    closed_at: null,
    withdrawn_at: null,
    submission: state === 'triage' ? { accepted: false } : null,
    vulnerabilities: [],
    cvss: null,
    cwes: null,
    cwe_ids: body.cwe_ids ?? null,
    credits: null,
    credits_detailed: null,
    collaborating_users: [user()],
    collaborating_teams: null,
    private_fork: null,
  };
  here.advisories.push(advisory);
  return { status: 201, json: advisory };
}

function issue(here: FakeRepository, asked: Asked): Reply {
  const body = JSON.parse(asked.body) as { readonly title?: string; readonly body?: string };
  const fresh: Issue = {
    number: here.issues.length + 1,
    title: body.title ?? '',
    body: body.body ?? '',
    state: 'open',
    created_at: new Date().toISOString(),
    user: user(),
  };
  here.issues.push(fresh);
  return { status: 201, json: fresh };
}

const sizeOf = (asked: Asked): number =>
  Math.min(MAX_PER_PAGE, Number(asked.url.searchParams.get('per_page') ?? DEFAULT_PER_PAGE));

function pageOf<T>(newestFirst: readonly T[], asked: Asked): readonly T[] {
  const start = (Number(asked.url.searchParams.get('page') ?? 1) - 1) * sizeOf(asked);
  return newestFirst.slice(start, start + sizeOf(asked));
}

/** With a cursor, as GitHub pages advisories. */
function listAdvisories({ advisories }: FakeRepository, asked: Asked): Reply {
  const start = Number(asked.url.searchParams.get('after') ?? 0);
  const next = start + sizeOf(asked);
  const more = new URL(asked.url);
  more.searchParams.set('after', String(next));
  return {
    status: 200,
    json: advisories.toReversed().slice(start, next),
    ...(next < advisories.length && { headers: { link: `<${more.href}>; rel="next"` } }),
  };
}

function ghsaOf(index: number, path: string): string {
  const digits = `${path.length}${index}`.padStart(12, '0').slice(-12);
  return `GHSA-${digits.slice(0, 4)}-${digits.slice(4, 8)}-${digits.slice(8)}`;
}

function user(): Schemas['simple-user'] {
  const url = 'https://github.invalid/';
  return {
    login: LOGIN,
    id: 1,
    node_id: 'U_1',
    avatar_url: url,
    gravatar_id: null,
    url,
    html_url: url,
    followers_url: url,
    following_url: url,
    gists_url: url,
    starred_url: url,
    subscriptions_url: url,
    organizations_url: url,
    repos_url: url,
    events_url: url,
    received_events_url: url,
    type: 'User',
    site_admin: false,
  };
}
