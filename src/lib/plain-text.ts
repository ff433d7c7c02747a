/**
 * Text of strangers on its way to a terminal, a report or a row: one line without control characters, so that it can
 * neither command a terminal nor pass for a line of ours, nor be refused by Postgres (which keeps no NUL).
 */

const CUT = '…';

/** Runs of control characters, line ends among them, become one space; what is longer is cut. */
export function toPlainLine(text: string, maxCharacters: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').toWellFormed();
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters - CUT.length)}${CUT}`.toWellFormed() : line;
}
