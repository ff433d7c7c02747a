/**
 * Where a member of a packed package may lie. The name in an archive is hostile input: it becomes a path below one
 * directory, or it is refused. The first element is dropped, as npm does.
 */
import { ok, type Result, refuse } from '../lib/result.ts';

export const PATH_DEPTH = 64;
const PATH_BYTES = 1_024;
const SEGMENT_BYTES = 255;

/** The path below the package's root, `/`-separated; empty for the root itself. Refuses with the reason. */
export function toMemberPath(name: string): Result<string, string> {
  if (name.includes('\0')) return refuse('a name holds a NUL');
  if (Buffer.byteLength(name) > PATH_BYTES) return refuse(`a name is longer than ${PATH_BYTES} bytes`);
  if (name.startsWith('/') || /^[a-z]:[\\/]/i.test(name)) return refuse('an absolute path');
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return refuse('a path with ".."');
  if (segments.length > PATH_DEPTH) return refuse(`a path deeper than ${PATH_DEPTH} directories`);
  if (segments.some((segment) => Buffer.byteLength(segment) > SEGMENT_BYTES)) {
    return refuse(`a name part longer than ${SEGMENT_BYTES} bytes`);
  }
  return ok(segments.slice(1).join('/'));
}
