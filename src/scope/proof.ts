/**
 * How somebody shows that an asset is theirs: by putting a token of ours where only its owner can.
 *
 *   host   dns         TXT record `_headstart-challenge.<host>` with `headstart-proof=<token>`
 *          well-known  https://<host>/.well-known/headstart-proof with the token on a line of its own
 *   repo   branch      the file `.well-known/headstart-proof` of the default branch, likewise
 *   pkg    registry    the dist-tag `headstart-<first 32 characters of the token>` on any version (npm)
 *
 * Networks and cloud accounts cannot prove themselves this way: they need a signed authorisation or the operator's word.
 * One look-up or one GET of a fixed path is all that is ever sent.
 */
import type { Asset } from './asset.ts';

export const METHODS = ['dns', 'well-known', 'branch', 'registry'] as const;
export type Method = (typeof METHODS)[number];

/** Random bytes of a token. */
export const TOKEN_BYTES = 32;
const TOKEN = /^[0-9a-f]{64}$/;
const TAG_CHARACTERS = 32;
export const PROOF_PATH = '/.well-known/headstart-proof';

export type Challenge =
  | { readonly method: 'dns'; readonly record: string; readonly value: string }
  | { readonly method: 'well-known'; readonly url: string; readonly line: string }
  | { readonly method: 'branch'; readonly host: string; readonly path: string; readonly line: string }
  | { readonly method: 'registry'; readonly name: string; readonly tag: string };

/** What is to be put where; undefined where the asset cannot be proven by this method. */
export function challengeOf(asset: Asset, method: Method, token: string): Challenge | undefined {
  if (!TOKEN.test(token)) throw new RangeError('a token has 64 hexadecimal digits');
  const line = `headstart-proof=${token}`;
  if (asset.kind === 'host' && method === 'dns') {
    return { method, record: `_headstart-challenge.${asset.host}`, value: line };
  }
  // A file on one host says nothing of the hosts below it; a record in the zone does.
  if (asset.kind === 'host' && method === 'well-known' && !asset.below) {
    return { method, url: `https://${asset.host}${PROOF_PATH}`, line };
  }
  if (asset.kind === 'repo' && method === 'branch') {
    return { method, host: asset.host, path: `${asset.owner}/${asset.name}`, line };
  }
  if (asset.kind === 'pkg' && asset.type === 'npm' && method === 'registry') {
    return { method, name: asset.name, tag: `headstart-${token.slice(0, TAG_CHARACTERS)}` };
  }
  return undefined;
}

/** The whole line and nothing else on it: a page that repeats what it is asked proves nothing. */
export function holdsLine(text: string, line: string): boolean {
  return text.split(/\r?\n/).some((candidate) => candidate.trim() === line);
}

/** For the person who has to do it. */
export function instruct(challenge: Challenge): string {
  switch (challenge.method) {
    case 'dns':
      return `add the TXT record ${challenge.record} with the value ${challenge.value}`;
    case 'well-known':
      return `serve ${challenge.url} with this line: ${challenge.line}`;
    case 'branch':
      return `commit the file ${PROOF_PATH.slice(1)} to the default branch of ${challenge.path}, with this line: ${challenge.line}`;
    case 'registry':
      return `npm dist-tag add ${challenge.name}@<any version> ${challenge.tag}`;
  }
}
