/**
 * By what a record is known again. None of it is kept as it is: whoever stores it makes an HMAC of each, under a key
 * per field, so that nobody with the database can try names against it.
 */
import type { Claim } from './claim.ts';
import type { Merge } from './piece.ts';

export type BlindField =
  | 'content'
  | 'place'
  | 'fingerprint'
  | 'source-id'
  | 'likeness'
  | 'tool'
  | 'severity'
  | 'cwe'
  | 'project'
  | 'file'
  | 'alias';

export interface Trait {
  readonly field: BlindField;
  readonly value: string;
}

/** A trait that two records share only where they are one; the stronger first. */
export interface SameTrait extends Trait {
  readonly merge: Merge;
  /** Two results of one run that share it are still two: its tool told them apart. */
  readonly isAcrossImports: boolean;
}

const MAX_PLACES = 3;
const MAX_FINGERPRINTS = 4;
const MAX_LOOK_UPS = 8;

/** Ids that no two sources give twice: UUIDs, Message-IDs, numbers of a platform. Row numbers are none. */
const NAMED_ONCE = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$|^<?[^\s@]+@[^\s@]+>?$|^(?:hackerone|bugcrowd):/i;

/** Addresses and long numbers differ from run to run and say nothing of the flaw. */
const volatileOut = (text: string): string =>
  text
    .replace(/\b0x[0-9a-f]{4,16}\b/gi, '0x')
    .replace(/==\d{2,10}==/g, '==')
    .replace(/\s+/g, ' ')
    .trim();

export function sameTraits(claim: Claim): readonly SameTrait[] {
  const traits: SameTrait[] = [];
  const { tool, rule, places, project } = claim;
  const [first] = places;
  const isPlaced = first?.file !== undefined && (first.line !== undefined || first.function !== undefined);
  if (isPlaced) {
    const where = places
      .slice(0, MAX_PLACES)
      .map((place) => [place.file, place.line, place.column, place.endLine, place.endColumn, place.function]);
    const said = volatileOut(`${claim.title}\n${claim.text}`);
    traits.push({
      field: 'place',
      value: spell([tool, rule, project, claim.version, said, ...where]),
      merge: 'same-place',
      isAcrossImports: false,
    });
  } else {
    traits.push({ field: 'content', value: spell([claim]), merge: 'same-content', isAcrossImports: false });
  }
  if (tool !== undefined) {
    for (const [name, value] of Object.entries(claim.fingerprints).slice(0, MAX_FINGERPRINTS)) {
      const parts = [tool, rule, project, first?.file, name, value];
      traits.push({ field: 'fingerprint', value: spell(parts), merge: 'same-fingerprint', isAcrossImports: true });
    }
  }
  if (claim.sourceId !== undefined && NAMED_ONCE.test(claim.sourceId)) {
    const value = spell([tool, project, claim.sourceId]);
    traits.push({ field: 'source-id', value, merge: 'same-source-id', isAcrossImports: true });
  }
  return traits;
}

/** By what records are looked up. */
export function lookUpTraits(claim: Claim): readonly Trait[] {
  const { tool, severity, project, places } = claim;
  return [
    ...(tool === undefined ? [] : [toLookUp('tool', tool)]),
    ...(severity === undefined ? [] : [toLookUp('severity', severity.level)]),
    ...(project === undefined ? [] : [toLookUp('project', project)]),
    ...(places[0]?.file === undefined ? [] : [toLookUp('file', places[0].file)]),
    ...claim.cwes.slice(0, MAX_LOOK_UPS).map((cwe) => toLookUp('cwe', cwe)),
    ...claim.aliases.slice(0, MAX_LOOK_UPS).map((alias) => toLookUp('alias', alias)),
  ];
}

export const LOOK_UPS = ['tool', 'severity', 'cwe', 'project', 'file', 'alias'] as const;
export type LookUp = (typeof LOOK_UPS)[number];

export const toLookUp = (field: LookUp, value: string): Trait => ({ field, value: value.trim().toLowerCase() });

const spell = (parts: readonly unknown[]): string => JSON.stringify(parts);
