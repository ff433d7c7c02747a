/** Looks whether a challenge is met: one TXT look-up or one GET, nothing else. */
import { Resolver } from 'node:dns/promises';
import { type Egress, explainEgress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Challenge, holdsLine, PROOF_PATH } from './proof.ts';

export type ProofRefusal =
  /** Looked and not found: the asset is not proven. */
  | { readonly kind: 'not-proven'; readonly why: string }
  /** Could not look: nothing is known, and what was proven before stands until it expires. */
  | { readonly kind: 'could-not-look'; readonly why: string };

export interface ProofClientParts {
  readonly egress: Egress;
  /** TXT records, each as its strings; throws with `code` as node:dns does. */
  readonly resolveTxt?: (name: string) => Promise<readonly (readonly string[])[]>;
  /** The dist-tags of a package of the npm registry; undefined where there is no such package. */
  readonly findDistTags: (name: string) => Promise<ReadonlySet<string> | undefined>;
  /** Where a forge serves a file of the default branch, by the forge's host: `{path}` and `{file}` are filled in. */
  readonly rawFileUrls: ReadonlyMap<string, string>;
}

export type ProofClient = ReturnType<typeof createProofClient>;

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 64 * 1024;
/** The name or the type does not exist: an answer, not a failure. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

export function createProofClient({
  egress,
  resolveTxt = resolveBySystem,
  findDistTags,
  rawFileUrls,
}: ProofClientParts) {
  const notProven = (why: string) => refuse<ProofRefusal>({ kind: 'not-proven', why });
  const couldNotLook = (why: string) => refuse<ProofRefusal>({ kind: 'could-not-look', why });

  async function readFile(url: string, line: string): Promise<Result<string, ProofRefusal>> {
    // No redirect: where the owner's host sends us is not the owner's host.
    const answer = await egress.request({ url, maxRedirects: 0, maxBodyBytes: MAX_BODY_BYTES, timeoutMs: TIMEOUT_MS });
    if (!answer.ok) {
      const decided = answer.refusal.kind === 'not-public' || answer.refusal.kind === 'too-large';
      return (decided ? notProven : couldNotLook)(explainEgress(answer.refusal));
    }
    const { status, body } = answer.value;
    if (status >= 500 || status === 429) return couldNotLook(`${url} answered ${status}`);
    if (status !== 200) return notProven(`${url} answered ${status}`);
    return holdsLine(body.toString('utf8'), line) ? ok(url) : notProven(`${url} does not hold the line`);
  }

  return {
    /** What was seen, for the record. */
    async look(challenge: Challenge): Promise<Result<string, ProofRefusal>> {
      switch (challenge.method) {
        case 'dns': {
          const { record, value } = challenge;
          try {
            const records = await resolveTxt(record);
            const isMet = records.some((strings) => strings.join('') === value);
            return isMet ? ok(`TXT ${record}`) : notProven(`no TXT record of ${record} has the value`);
          } catch (error) {
            const code = (error as NodeJS.ErrnoException).code ?? 'fault';
            return ABSENT.has(code) ? notProven(`${record} has no TXT record`) : couldNotLook(`${record}: ${code}`);
          }
        }
        case 'well-known':
          return await readFile(challenge.url, challenge.line);
        case 'branch': {
          const template = rawFileUrls.get(challenge.host);
          if (!template) return notProven(`files of ${challenge.host} cannot be read; use another method`);
          const url = template.replace('{path}', challenge.path).replace('{file}', PROOF_PATH.slice(1));
          return await readFile(url, challenge.line);
        }
        case 'registry': {
          let tags: ReadonlySet<string> | undefined;
          try {
            tags = await findDistTags(challenge.name);
          } catch (error) {
            return couldNotLook(error instanceof Error ? error.message : 'the registry did not answer');
          }
          return tags?.has(challenge.tag)
            ? ok(`dist-tag ${challenge.tag}`)
            : notProven(`${challenge.name} has no dist-tag ${challenge.tag}`);
        }
      }
    },
  };
}

function resolveBySystem(name: string): Promise<string[][]> {
  return new Resolver({ timeout: TIMEOUT_MS, tries: 2 }).resolveTxt(name);
}
