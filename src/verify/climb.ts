/**
 * The same script without the climb. A path traversal is only one if the file comes back because of `..`: a script that
 * reads it all the same has put it where it may be read, or asks a function that reads any path by contract.
 */
const PLAIN = /\.\.(?=[/\\'"`]|%(?:25)*(?:2f|5c))/gi;
const ENCODED = /(?:%(?:25)*2e|\.)(?:%(?:25)*2e)|%(?:25)*2e\./gi;

/** Undefined where the text climbs nowhere. */
export function withoutClimb(text: string): string | undefined {
  const flat = text.replace(ENCODED, '__').replace(PLAIN, '__');
  return flat === text ? undefined : flat;
}
