/**
 * What a command may say and how it ends. Data goes to standard output, everything for people to standard error;
 * with `--json` nothing but JSON stands on standard output.
 */
import type { Json } from '../lib/canonical-json.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notAuthenticated: 3,
  notFound: 4,
  conflict: 5,
  refused: 6,
  unavailable: 7,
  incomplete: 8,
  fault: 70,
} as const;

export type ExitName = keyof typeof EXIT;

export interface Terminal {
  /** One JSON value on a line of standard output. */
  json(value: Json): void;
  /** Data for pipes: standard output. */
  data(text: string | Uint8Array): void;
  /** For people: standard error. */
  say(line: string): void;
}

/** Ends a command with this exit code and this message: the answer is no, not a bug. */
export class CommandEnd extends Error {
  override readonly name = 'CommandEnd';
  readonly exit: ExitName;

  constructor(exit: ExitName, message: string) {
    super(message);
    this.exit = exit;
  }
}

/** What would command a terminal: no text, whoever wrote it, may. Tabs and line ends stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export function createTerminal(out: NodeJS.WritableStream, err: NodeJS.WritableStream): Terminal {
  return {
    json: (value) => void out.write(`${JSON.stringify(value)}\n`),
    data: (text) => void out.write(text),
    say: (line) => void err.write(`${line.replace(COMMANDS, '�')}\n`),
  };
}
