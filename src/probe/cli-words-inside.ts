/**
 * What a command-line program may be told: names of options and subcommands, read from its source, its package's
 * README and what it prints when asked for help. The texts are hostile: bounded, and read by expressions that stay flat.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ProgramWords {
  /** `--name` or `-n`, in the order in which they were met. */
  readonly options: readonly string[];
  readonly commands: readonly string[];
}

const TEXT_CHARACTERS = 200_000;
const SCRIPTS = 30;
const OPTIONS = 32;
const COMMANDS = 10;

const LONG = /(?:^|[\s'"`,([|<])(--[A-Za-z][\w-]{1,30})/g;
const SHORT = /(?:^|[\s'"`,([|])(-[A-Za-z])(?=[\s'"`,=\])|<]|$)/gm;
const READ = /\b(?:argv|args|options|opts|program|flags|params|values|cli)(?:\.|\[['"])([A-Za-z][\w-]{0,30})/g;
const DECLARED =
  /\.(?:option|string|alias|describe|demand|demandOption|requiresArg)\(\s*['"]([A-Za-z][\w-]{0,30})['"]/g;
const DECLARED_COMMAND = /\.command\(\s*(?:\{\s*command:\s*)?['"`]([A-Za-z][\w:-]{0,30})/g;
const CASE = /\bcase\s+['"]([A-Za-z][\w:-]{1,20})['"]\s*:/g;
const COMPARED = /(?:\bargv\b|\bcommand\b|\bcmd\b|\baction\b)[^\n=]{0,24}={2,3}\s*['"]([A-Za-z][\w:-]{1,20})['"]/g;
/** `  build <dir>   what it does`, as a help text lists subcommands. */
const LISTED = /^ {2,6}(?:[\w.-]{1,30} )?([a-z][\w:-]{1,20})(?: [<[][^\n]{0,40})? {2,}\S/gm;

/** Properties of an options object that are its machinery. */
const NOT_OPTIONS = new Set(
  'length slice forEach map filter shift push pop join indexOf concat parse argv option command help version name on opts args usage alias describe demand prototype toString reduce some every find includes call apply bind splice unshift'.split(
    ' ',
  ),
);
const ASKS = new Set(['--help', '--version', '-h', '-V', '-v']);

const asOption = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`);

function namesIn(text: string, expressions: readonly RegExp[]): string[] {
  return expressions.flatMap((expression) => [...text.matchAll(expression)].map(([, name = '']) => name));
}

function hyphened(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `declared`: names of options from declarations of types. */
export function wordsIn(texts: readonly string[], declared: readonly string[]): ProgramWords {
  const options = new Set<string>();
  const commands = new Set<string>();
  for (const text of texts.map((whole) => whole.slice(0, TEXT_CHARACTERS))) {
    for (const option of namesIn(text, [LONG, SHORT])) options.add(option);
    for (const name of namesIn(text, [DECLARED, READ]))
      if (!NOT_OPTIONS.has(name)) options.add(asOption(/^[a-z]+[A-Z]/.test(name) ? hyphened(name) : name));
    for (const command of namesIn(text, [DECLARED_COMMAND, LISTED, COMPARED, CASE])) commands.add(command);
  }
  for (const name of declared) options.add(asOption(hyphened(name)));
  return {
    options: [...options].filter((option) => !ASKS.has(option)).slice(0, OPTIONS),
    commands: [...commands].slice(0, COMMANDS),
  };
}

export const readSource = (path: string): string => {
  try {
    return statSync(path).isFile() ? readFileSync(path, 'utf8').slice(0, TEXT_CHARACTERS) : '';
  } catch {
    return '';
  }
};

/** The program's own text first, then the scripts beside it that read arguments, then the README. */
export function textsOf(packageDirectory: string, program: string): string[] {
  const scripts: string[] = [];
  const visit = (directory: string, depth: number): void => {
    for (const entry of readdirSync(join(packageDirectory, directory), { withFileTypes: true })) {
      if (scripts.length >= SCRIPTS || /^(?:node_modules|tests?|specs?|examples?|docs?|\.)/.test(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory() && depth < 3) visit(path, depth + 1);
      else if (entry.isFile() && /\.[cm]?js$/.test(entry.name) && path !== program) scripts.push(path);
    }
  };
  try {
    visit('', 0);
  } catch {
    // A directory that cannot be read has no words.
  }
  const readAll = (paths: readonly string[]): string[] => paths.map((path) => readSource(join(packageDirectory, path)));
  const readme = ['README.md', 'readme.md', 'Readme.md', 'README'].filter((name) =>
    existsSync(join(packageDirectory, name)),
  );
  const reading = readAll(scripts).filter((text) => /\bargv\b|\.command\(|\.option\(/.test(text));
  return [...readAll([program]), ...reading, ...readAll(readme.slice(0, 1))];
}
