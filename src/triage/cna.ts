/**
 * Who assigns CVE ids for what (CVE Numbering Authorities), as the CVE programme lists them, and which of them may be the
 * one for a project. Scopes are prose: what is found is a candidate with its reason, for a person to read. Pure.
 */
import { asArray, asObject, asText, at } from '../formats/loose.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { FeedRefusal } from './feed.ts';

export interface Cna {
  readonly shortName: string;
  readonly name: string;
  readonly scope: string;
  readonly contact: string | null;
  readonly policy: string | null;
}

export interface MatchedCna extends Cna {
  readonly because: string;
}

const MAX_CNAS = 10_000;
/** Characters. */
const MAX_LINE = 4_000;
const MAX_NAME = 200;
/** Shorter words stand for too much. */
const SHORTEST_WORD = 4;
/** Words of package names that name no project. */
const COMMON = new Set(['core', 'node', 'utils', 'client', 'server', 'plugin', 'common', 'types', 'parser', 'config']);

export function readCnas(text: string): Result<readonly Cna[], FeedRefusal> {
  const bad = (reason: string) => refuse({ kind: 'bad-feed', reason } as const);
  let list: unknown;
  try {
    list = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return bad('the list is not JSON');
  }
  if (!Array.isArray(list) || list.length === 0) return bad('the list is no array, or empty');
  if (list.length > MAX_CNAS) return bad(`more than ${MAX_CNAS} entries`);
  const cnas = new Map<string, Cna>();
  for (const [position, each] of list.entries()) {
    const shortName = asText(at(each, 'shortName'));
    const scope = asText(at(each, 'scope'));
    if (!shortName || !scope) return bad(`entry ${position + 1} has no shortName or no scope`);
    if (cnas.has(shortName)) return bad(`${shortName.slice(0, 40)} stands in it twice`);
    cnas.set(shortName, {
      shortName: toPlainLine(shortName, MAX_NAME),
      name: toPlainLine(asText(at(each, 'organizationName')) ?? shortName, MAX_NAME),
      scope: toPlainLine(scope, MAX_LINE),
      contact: contactOf(each),
      policy: webAddress(asText(at(asArray(at(each, 'disclosurePolicy'))[0], 'url'))),
    });
  }
  return ok([...cnas.values()]);
}

function contactOf(entry: unknown): string | null {
  for (const group of asArray(at(entry, 'contact'))) {
    const mail = asText(at(asArray(asObject(group)?.email)[0], 'emailAddr'));
    const page = asText(at(asArray(asObject(group)?.contact)[0], 'url'));
    if (mail) return toPlainLine(mail, MAX_NAME);
    if (page) return webAddress(page);
  }
  return null;
}

const webAddress = (text: string | undefined): string | null =>
  text !== undefined && /^https?:\/\//.test(text) && URL.canParse(text) ? text.slice(0, MAX_LINE) : null;

/** The narrowest first: a scope that names the package before one that names its scope or its owner. */
export function matchCnas(packageName: string, cnas: readonly Cna[]): readonly MatchedCna[] {
  const [owner, bare] = packageName.startsWith('@') ? packageName.slice(1).split('/') : [undefined, packageName];
  const wanted: readonly (readonly [string | undefined, string])[] = [
    [packageName, 'its scope names the package'],
    [bare, 'its scope names the package'],
    [owner, 'its scope or its name has the owner of the package'],
  ];
  const matched = new Map<string, MatchedCna>();
  for (const [word, because] of wanted) {
    if (word === undefined || word.length < SHORTEST_WORD || COMMON.has(word.toLowerCase())) continue;
    for (const cna of cnas) {
      const text = word === owner ? `${cna.scope} ${cna.name} ${cna.shortName}` : cna.scope;
      if (!matched.has(cna.shortName) && holdsWord(text, word)) matched.set(cna.shortName, { ...cna, because });
    }
  }
  return [...matched.values()];
}

/** As a word of its own: `express` is not in `expressly`, `lodash` not in `lodash-es`. */
function holdsWord(text: string, word: string): boolean {
  const [body, sought] = [text.toLowerCase(), word.toLowerCase()];
  for (let from = body.indexOf(sought); from >= 0; from = body.indexOf(sought, from + 1)) {
    const before = body[from - 1] ?? ' ';
    const after = body.slice(from + sought.length);
    if (!/[\w@/-]/.test(before) && !/^(?:[\w-]|[/.]\w)/.test(after)) return true;
  }
  return false;
}
