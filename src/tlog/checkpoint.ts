/**
 * Checkpoints: the signed head of a log. https://c2sp.org/tlog-checkpoint
 *
 *     origin⏎ size⏎ base64(root)⏎          then the signatures of a note
 */
import { fromBase64, toBase64 } from '../lib/bytes.ts';
import { EMPTY_ROOT, HASH_BYTES, type Hash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { isKeyName, type Note, type NoteRefusal, readNote } from './note.ts';

export interface Checkpoint {
  /** Names the log. */
  readonly origin: string;
  /** Leaves in the tree. */
  readonly size: number;
  readonly root: Hash;
}

export type CheckpointRefusal = NoteRefusal | { readonly kind: 'malformed-checkpoint'; readonly why: string };

/** An origin we write: also a key name, and short. Origins we read may be anything without a newline. */
export function isOrigin(text: string): boolean {
  return isKeyName(text) && text.length <= 255;
}

export function formatCheckpointBody({ origin, size, root }: Checkpoint): string {
  if (origin === '' || origin.includes('\n')) throw new TypeError('an origin is one line that is not empty');
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Reads the body only. Extension lines are allowed by the format and mean nothing here. */
export function readCheckpointBody(text: string): Result<Checkpoint, CheckpointRefusal> {
  const malformed = (why: string) => refuse<CheckpointRefusal>({ kind: 'malformed-checkpoint', why });
  if (!text.endsWith('\n')) return malformed('the last line is cut off');
  const lines = text.slice(0, -1).split('\n');
  const [origin = '', size = '', rootText = ''] = lines;
  if (lines.length < 3 || lines.includes('')) return malformed('fewer than three lines, or an empty one');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    return malformed('the size is not a decimal number below 2^53');
  }
  const root = fromBase64(rootText);
  if (root?.length !== HASH_BYTES) return malformed('the root is not 32 bytes in base64');
  if (size === '0' && !root.equals(EMPTY_ROOT)) return malformed('an empty tree with a root that is not the empty one');
  return ok({ origin, size: Number(size), root });
}

/** Reads a whole checkpoint. Nothing of it is to be believed before the note is verified. */
export function readCheckpoint(bytes: Uint8Array): Result<{ note: Note; checkpoint: Checkpoint }, CheckpointRefusal> {
  const note = readNote(bytes);
  if (!note.ok) return note;
  const checkpoint = readCheckpointBody(note.value.text);
  if (!checkpoint.ok) return checkpoint;
  return ok({ note: note.value, checkpoint: checkpoint.value });
}
