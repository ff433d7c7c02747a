/** Past advisories of packages in the OSV form: which flaw was called fixed in which version. Pure. */

import { toPlainLine } from '../lib/plain-text.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { asArray, asText, at, cwesIn, textsOf } from './loose.ts';

export interface PastAdvisory {
  readonly id: string;
  /** As npm names it. */
  readonly package: string;
  readonly aliases: readonly string[];
  readonly cwes: readonly string[];
  readonly fixed: readonly string[];
}

export interface ReadAdvisories {
  readonly advisories: readonly PastAdvisory[];
  /** Of another ecosystem, withdrawn, or without a fixed version: nothing to look at again. */
  readonly skipped: number;
}

const MAX_RECORDS = 500_000;
/** Characters. */
const MAX_NAME = 200;
const MAX_LISTED = 50;

/** One record, an array of them, or one a line. Taken whole or not at all. */
export function readPastAdvisories(text: string): Result<ReadAdvisories, string> {
  const records = parse(text.replace(/^\uFEFF/, ''));
  if (!records) return refuse('neither JSON nor one JSON value a line');
  if (records.length > MAX_RECORDS) return refuse(`more than ${MAX_RECORDS} records`);
  const advisories: PastAdvisory[] = [];
  const seen = new Set<string>();
  let skipped = 0;
  for (const [position, record] of records.entries()) {
    const id = asText(at(record, 'id'));
    if (!id || !Array.isArray(at(record, 'affected') ?? [])) return refuse(`record ${position + 1} is no OSV record`);
    if (seen.has(id)) return refuse(`${id.slice(0, 40)} stands in it twice`);
    seen.add(id);
    const found = at(record, 'withdrawn') === undefined ? ofPackages(id, record) : [];
    if (found.length === 0) skipped += 1;
    advisories.push(...found);
  }
  return ok({ advisories, skipped });
}

function parse(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    try {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      return lines.length > 1 ? lines.map((line) => JSON.parse(line) as unknown) : undefined;
    } catch {
      return undefined;
    }
  }
}

function ofPackages(id: string, record: unknown): readonly PastAdvisory[] {
  const cwes = cwesIn(textsOf(at(record, 'database_specific', 'cwe_ids')));
  const aliases = textsOf(at(record, 'aliases')).map((alias) => toPlainLine(alias, MAX_NAME));
  const byName = new Map<string, Set<string>>();
  for (const affected of asArray(at(record, 'affected'))) {
    const name = asText(at(affected, 'package', 'name'));
    if (!name || at(affected, 'package', 'ecosystem') !== 'npm') continue;
    const fixed = byName.get(name) ?? new Set();
    for (const range of asArray(at(affected, 'ranges'))) {
      for (const event of asArray(at(range, 'events'))) {
        const version = asText(at(event, 'fixed'));
        if (version && version.length <= MAX_NAME) fixed.add(version);
      }
    }
    byName.set(name, fixed);
  }
  return [...byName].flatMap(([name, fixed]) =>
    fixed.size === 0
      ? []
      : [
          {
            ...{ id: toPlainLine(id, MAX_NAME), package: toPlainLine(name, MAX_NAME), cwes },
            ...{ aliases: aliases.slice(0, MAX_LISTED), fixed: [...fixed].slice(0, MAX_LISTED) },
          },
        ],
  );
}
