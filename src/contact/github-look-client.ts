/**
 * A look at a repository before a report goes there: whether it takes private reports at all, whether it is the place
 * where the project is kept, and what is under way there already, as far as this account may see it. Changes nothing.
 */
import { explainEgress } from '../egress/index.ts';
import { asArray, asText, at } from '../formats/loose.ts';
import type { Repository } from './address.ts';
import { answerOf, connect, type GithubOptions, type GithubSettings } from './github-client.ts';

export interface RepositoryLook {
  /** What stands against a private report there; empty where nothing does. */
  readonly against: readonly string[];
  /** Advisories that are under way there, with their CVE id where one was asked for. */
  readonly underWay: readonly string[];
}

/** Advisories looked through, the newest first. */
const PER_PAGE = 100;
const UNDER_WAY: ReadonlySet<unknown> = new Set(['triage', 'draft']);

export async function lookAtRepository(
  settings: GithubSettings,
  options: GithubOptions,
  { owner, repo }: Repository,
): Promise<RepositoryLook> {
  const { octokit, trouble } = connect(settings, options);
  const ask = async (route: string): Promise<unknown> => {
    try {
      return (await octokit.request(`GET /repos/{owner}/{repo}${route}`, { owner, repo, per_page: PER_PAGE })).data;
    } catch (error) {
      const refusal = trouble();
      const { status } = answerOf(error) ?? {};
      throw new NoAnswer(
        refusal ? explainEgress(refusal) : status ? `it answered ${status}` : 'an answer that cannot be read',
      );
    }
  };
  try {
    const about = await ask('');
    if (!asText(at(about, 'full_name'))) throw new NoAnswer('an answer that cannot be read');
    const reporting = await ask('/private-vulnerability-reporting');
    const advisories = asArray(await ask('/security-advisories').catch(() => []));
    return { against: against(about, reporting), underWay: underWay(advisories) };
  } catch (error) {
    if (error instanceof NoAnswer)
      return { against: [`the repository could not be looked at: ${error.message}`], underWay: [] };
    throw error;
  }
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

function against(about: unknown, reporting: unknown): readonly string[] {
  const source = asText(at(about, 'source', 'full_name'));
  return [
    ...(at(reporting, 'enabled') === true ? [] : ['private vulnerability reporting is not enabled there']),
    ...(at(about, 'archived') === true ? ['the repository is archived'] : []),
    ...(at(about, 'fork') === true ? [`it is a fork${source ? ` of ${source}` : ''}`] : []),
    ...(at(about, 'disabled') === true ? ['the repository is disabled'] : []),
  ];
}

function underWay(advisories: readonly unknown[]): readonly string[] {
  return advisories.flatMap((advisory) => {
    const ghsa = asText(at(advisory, 'ghsa_id'));
    if (!ghsa || !UNDER_WAY.has(at(advisory, 'state'))) return [];
    return [`${ghsa}${asText(at(advisory, 'cve_id')) ? ` (${asText(at(advisory, 'cve_id'))})` : ''}`];
  });
}
