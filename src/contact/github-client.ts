/**
 * GitHub: private vulnerability reports, draft advisories of our own repositories, and public issues.
 *
 * GitHub knows no idempotency key, so what was posted is known by its reference line. A report is listed to the one who
 * made it, because he takes part in the advisory that it becomes; that it is absent counts only where the listing was
 * read back to before the attempt, and nothing of ours in it has lost its reference line.
 */
import { Octokit } from '@octokit/rest';
import type { Egress, EgressRefusal } from '../egress/index.ts';
import type { Secret } from '../lib/secret.ts';
import { type Carrier, type Delivery, isRealMatter, type ReadBack } from './channel.ts';
import { type Answer, deliveryOfRefusal, deliveryOfStatus } from './http-delivery.ts';
import { type Content, type ReportLetter, referenceLine } from './letter.ts';

export interface GithubSettings {
  readonly token: Secret;
  /** `https://api.github.com`, or an Enterprise server's `…/api/v3`. */
  readonly apiUrl: string;
}

export interface GithubOptions {
  readonly egress: Pick<Egress, 'request'>;
  readonly settleMs?: number;
  readonly timeoutMs?: number;
}

export interface GithubClients {
  readonly 'github-report': Carrier<ReportLetter>;
  readonly 'github-advisory': Carrier<ReportLetter>;
  readonly 'github-issue': Carrier<ReportLetter>;
}

const SETTLE_MS = 120_000;
const TIMEOUT_MS = 20_000;
const MAX_ANSWER_BYTES = 16 << 20;
const PER_PAGE = 100;
/** Pages of a listing; where these do not reach back to before the attempt, nothing is known. */
const MAX_PAGES = 10;
/** GitHub's clock and the database's may differ by so much. */
const SKEW_MS = 3_600_000;
/** The last instant there is, as `Date` counts. */
const LATEST_MS = 8.64e15;
/** Characters, as GitHub allows them. */
const MAX_SUMMARY = 1_024;
const MAX_TEXT = 65_535;

/** What the three kinds of posting show of themselves. */
interface Posted {
  readonly name: string;
  readonly text: string;
  readonly author: string | undefined;
  readonly createdAt: Date;
}

interface Kind {
  post(octokit: Octokit, letter: ReportLetter): Promise<{ readonly status: number; readonly name: unknown }>;
  /** The newest first; an empty page is the end. */
  list(octokit: Octokit, letter: ReportLetter): AsyncIterable<readonly Posted[]>;
}

export function createGithubClients(settings: GithubSettings, options: GithubOptions): GithubClients {
  const create = (kind: Kind): Carrier<ReportLetter> => ({
    settleMs: options.settleMs ?? SETTLE_MS,
    send: async (it, letter) =>
      isRealMatter(it)
        ? await send(settings, options, kind, letter)
        : { kind: 'declined', reason: 'a demonstration reaches no real channel' },
    readBack: (_it, letter, since) => readBack(settings, options, kind, letter, since),
  });
  return { 'github-report': create(REPORTS), 'github-advisory': create(ADVISORIES), 'github-issue': create(ISSUES) };
}

async function send(
  settings: GithubSettings,
  options: GithubOptions,
  kind: Kind,
  letter: ReportLetter,
): Promise<Delivery> {
  const { octokit, trouble } = connect(settings, options);
  try {
    const { status, name } = await kind.post(octokit, letter);
    const judged = deliveryOfStatus({ status, headers: {} });
    if (judged) return judged;
    if (typeof name === 'string' && name !== '') return { kind: 'delivered', remote: name };
    return { kind: 'unknown', reason: `answered with ${status} and without a name for it` };
  } catch (error) {
    const refusal = trouble();
    if (refusal) return deliveryOfRefusal(refusal);
    const answer = answerOf(error);
    return (answer && deliveryOfStatus(answer)) ?? { kind: 'unknown', reason: 'an answer that cannot be read' };
  }
}

async function readBack(
  settings: GithubSettings,
  options: GithubOptions,
  kind: Kind,
  letter: ReportLetter,
  since: Date,
): Promise<ReadBack> {
  const { octokit, trouble } = connect(settings, options);
  const horizon = since.getTime() - SKEW_MS;
  const unknown = (reason: string): ReadBack => ({ kind: 'cannot-say', reason, isForGood: false });
  const nameless: Posted[] = [];
  try {
    for await (const page of kind.list(octokit, letter)) {
      const found = page.find(({ text }) => text.includes(referenceLine(letter.marker)));
      if (found) return { kind: 'there', remote: found.name };
      const recent = page.filter(({ createdAt }) => createdAt.getTime() >= horizon);
      nameless.push(...recent.filter(({ text }) => !REFERENCE.test(text)));
      if (recent.length < page.length || page.length === 0) return await ifNoneIsOurs(octokit, nameless);
    }
    return unknown(`${MAX_PAGES} pages do not reach back to the attempt`);
  } catch (error) {
    const refusal = trouble();
    if (refusal) return unknown(refusal.kind);
    const { status } = answerOf(error) ?? {};
    return unknown(status ? `answered with ${status}` : 'an answer that cannot be read');
  }
}

/** Somebody may have edited the line out of what we posted: then it is not absent. */
async function ifNoneIsOurs(octokit: Octokit, nameless: readonly Posted[]): Promise<ReadBack> {
  if (nameless.length === 0) return { kind: 'absent' };
  const { login } = (await octokit.rest.users.getAuthenticated()).data;
  if (typeof login !== 'string') throw new TypeError('an account without a name');
  return nameless.some(({ author }) => author === login || author === undefined)
    ? { kind: 'cannot-say', reason: 'something that may be it has lost its reference line', isForGood: true }
    : { kind: 'absent' };
}

const REFERENCE = new RegExp(referenceLine('message_[0-9a-f]{32}'));

/** The one place where Octokit meets the network: one request, no retries, every hop judged by `egress`. */
export function connect({ token, apiUrl }: GithubSettings, { egress, timeoutMs }: GithubOptions) {
  let refusal: EgressRefusal | undefined;
  const fetch = async (url: string, init: { method?: string; headers?: Record<string, string>; body?: string }) => {
    const method = init.method === 'POST' ? 'POST' : 'GET';
    const answer = await egress.request({
      url,
      method,
      headers: init.headers ?? {},
      ...(init.body !== undefined && { body: init.body }),
      // A token goes to no other host than the one that was named.
      maxRedirects: 0,
      maxBodyBytes: MAX_ANSWER_BYTES,
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
    });
    if (!answer.ok) {
      refusal = answer.refusal;
      throw new Error(answer.refusal.kind);
    }
    const { status, headers, body } = answer.value;
    const plain = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    const hasBody = ![204, 205, 304].includes(status) && status >= 200;
    return new Response(hasBody ? new Uint8Array(body) : null, { status: Math.max(200, status), headers: plain });
  };
  const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const octokit = new Octokit({ auth: token.reveal(), baseUrl: apiUrl, request: { fetch }, log: silent });
  return { octokit, trouble: () => refusal };
}

const nothing = (): void => {};

export function answerOf(error: unknown): Answer | undefined {
  const { status, response } = error as { readonly status?: unknown; readonly response?: Partial<Answer> };
  return typeof status === 'number' && response ? { status, headers: response.headers ?? {} } : undefined;
}

const summaryOf = ({ subject }: Content): string => subject.slice(0, MAX_SUMMARY);

function textOf({ content, marker }: ReportLetter): string {
  const end = `\n\n${referenceLine(marker)}\n`;
  return `${content.text.slice(0, MAX_TEXT - end.length)}${end}`;
}

const severityOf = ({ severity }: Content) => (severity === 'none' ? ('low' as const) : severity);

function vulnerabilitiesOf({ package: named }: Content) {
  if (named?.type !== 'npm') return [];
  return [{ package: { ecosystem: 'npm' as const, name: named.name }, vulnerable_version_range: `= ${named.version}` }];
}

function factsOf(letter: ReportLetter) {
  const { content } = letter;
  return {
    summary: summaryOf(content),
    description: textOf(letter),
    severity: severityOf(content),
    vulnerabilities: vulnerabilitiesOf(content),
    ...(content.cwe !== undefined && { cwe_ids: [content.cwe] }),
  };
}

/** Throws TypeError on what is no listing. */
function readListing(data: unknown, toPosted: (entry: Record<string, unknown>) => Posted): readonly Posted[] {
  if (!Array.isArray(data)) throw new TypeError('no listing');
  return data.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw new TypeError('no entry of a listing');
    const posted = toPosted(entry as Record<string, unknown>);
    if (Number.isNaN(posted.createdAt.getTime())) throw new TypeError('an entry without a date');
    return posted;
  });
}

/** What says nothing of its age may be new. */
const dateOf = (text: unknown): Date => new Date(text === null ? LATEST_MS : String(text));

const loginOf = (author: unknown): string | undefined => {
  const { login } = (author ?? {}) as { readonly login?: unknown };
  return typeof login === 'string' ? login : undefined;
};

async function* advisories(octokit: Octokit, { owner, repo }: ReportLetter): AsyncIterable<readonly Posted[]> {
  let after: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { data, headers } = await octokit.rest.securityAdvisories.listRepositoryAdvisories({
      owner,
      repo,
      sort: 'created',
      direction: 'desc',
      per_page: PER_PAGE,
      ...(after !== undefined && { after }),
    });
    yield readListing(data, (entry) => ({
      name: String(entry.ghsa_id),
      text: String(entry.description),
      author: loginOf(entry.author),
      createdAt: dateOf(entry.created_at),
    }));
    const next = /<([^<>]+)>; rel="next"/.exec(headers.link ?? '')?.[1];
    after = next && URL.canParse(next) ? (new URL(next).searchParams.get('after') ?? undefined) : undefined;
    if (after === undefined) return yield [];
  }
}

const REPORTS: Kind = {
  async post(octokit, letter) {
    const { owner, repo } = letter;
    const create = octokit.rest.securityAdvisories.createPrivateVulnerabilityReport;
    const { status, data } = await create({ owner, repo, ...factsOf(letter) });
    return { status, name: data.ghsa_id };
  },
  list: advisories,
};

const ADVISORIES: Kind = {
  async post(octokit, letter) {
    const { owner, repo } = letter;
    const create = octokit.rest.securityAdvisories.createRepositoryAdvisory;
    const { status, data } = await create({ owner, repo, ...factsOf(letter) });
    return { status, name: data.ghsa_id };
  },
  list: advisories,
};

const ISSUES: Kind = {
  async post(octokit, letter) {
    const { owner, repo, content } = letter;
    const created = await octokit.rest.issues.create({ owner, repo, title: summaryOf(content), body: textOf(letter) });
    const { number } = created.data;
    return { status: created.status, name: Number.isSafeInteger(number) ? `#${number}` : undefined };
  },
  async *list(octokit, { owner, repo }) {
    for (let page = 1; page <= MAX_PAGES; page++) {
      const { data } = await octokit.rest.issues.listForRepo({
        owner,
        repo,
        state: 'all',
        sort: 'created',
        direction: 'desc',
        per_page: PER_PAGE,
        page,
      });
      yield readListing(data, (entry) => ({
        name: `#${entry.number}`,
        text: String(entry.body),
        // A listing of issues has pull requests too, which are never what was posted.
        author: entry.pull_request ? '' : loginOf(entry.user),
        createdAt: dateOf(entry.created_at),
      }));
      if (data.length < PER_PAGE) return yield [];
    }
  },
};
