/** What a reader of one form of report gives: the pieces of a file, each with its bytes and what it says. */
import type { Claim } from './claim.ts';

/** Why a record is no finding to work on. Told in the clear, so never a word of the report itself. */
export const REJECTIONS = {
  'unreadable-file': 'the file cannot be read as what it is given as',
  'unsupported-version': 'a version of the format that is not supported',
  'file-too-large': 'the file passes a limit',
  'record-too-large': 'the record is longer than the limit',
  unreadable: 'the record cannot be read',
  empty: 'the record says nothing',
  dismissed: 'its own source says that there is nothing to act on',
  encrypted: 'encrypted to a key that is not here',
  'quarantined-injection': 'quarantined: text addressed to a model that reads it',
  'quarantined-path': 'quarantined: a place that plays tricks',
  'quarantined-markup': 'quarantined: script where only a name can stand',
  'quarantined-hidden': 'quarantined: characters that hide text from people',
} as const;

export type Rejection = keyof typeof REJECTIONS;

export const MERGES = {
  known: 'the same record, letter by letter',
  'same-content': 'says the same in every word, in other bytes',
  'same-place': 'same tool, rule, place and message',
  'same-fingerprint': "same tool, rule and file, and the tool's own fingerprint",
  'same-source-id': 'the same report of the same source',
  'same-flaw': 'the same flaw by its likeness',
  'by-hand': 'a person said so',
} as const;

export type Merge = keyof typeof MERGES;

export interface Piece {
  /** Bytes of the file. */
  readonly from: number;
  readonly to: number;
  /** Undefined where they are longer than a record may be: then they are read again, in parts. */
  readonly bytes: Buffer | undefined;
  readonly claim: Claim | undefined;
  readonly rejection?: { readonly reason: Rejection; readonly detail: string } | undefined;
}

/** A file that cannot be read at all: it is one record, rejected. */
export interface FileRefusal {
  readonly reason: Extract<Rejection, 'unreadable-file' | 'unsupported-version' | 'file-too-large'>;
  readonly detail: string;
}

/** Something that can be read more than once. */
export interface Source {
  /** For people; the last part of its path. */
  readonly name: string;
  readonly bytes: number;
  read(from?: number, to?: number): AsyncIterable<Buffer>;
}

export interface Reading {
  /** How it was read: part of its identity. */
  readonly format: string;
  /** What it says lies elsewhere. */
  readonly notes: readonly string[];
  /** Set where every record of it shares one fate. */
  readonly refusal?: FileRefusal | undefined;
  readonly pieces: AsyncIterable<Piece>;
}
