/** Lists of words to start a program with: every word that may carry something is a marker of its own. */
import type { ProgramWords } from './cli-words-inside.ts';

/** What every marker begins with. */
export const MARKERS = 'hsmark';

export interface Word {
  readonly text: string;
  /** The marker in it; empty for a word that is fixed. */
  readonly marker: string;
  /** What stands there once the marker has done its work. */
  readonly plain: string;
  /** The option it is the value of; empty for a word without one. */
  readonly option: string;
}

/** Options given at once. */
const AT_ONCE = 12;

export function argumentLists({ options, commands }: ProgramWords): readonly (readonly Word[])[] {
  let count = 0;
  const fixed = (text: string): Word => ({ text, marker: '', plain: text, option: '' });
  const marked = (option: string, lead = ''): Word => {
    const marker = `${MARKERS}${(count++).toString(36)}q`;
    return { text: lead + marker, marker, plain: `${lead}x`, option };
  };
  const free = (): Word => marked('');
  const valued = (option: string): Word[] => [fixed(option), marked(option)];
  const joined = (option: string): Word[] => [marked(option, `${option}=`)];
  const long = options.filter((option) => option.startsWith('--'));
  const chunks = Array.from({ length: Math.ceil(options.length / AT_ONCE) }, (_, at) =>
    options.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  );
  return [
    [free()],
    [free(), free(), free()],
    ...commands.flatMap((command) => [
      [fixed(command), free()],
      [fixed(command), free(), free(), ...long.slice(0, AT_ONCE).flatMap(joined)],
    ]),
    ...chunks.flatMap((chunk) => [
      [...chunk.flatMap(valued), free(), free()],
      [free(), ...chunk.filter((option) => option.startsWith('--')).flatMap(joined)],
    ]),
    ...options.map((option) => [...valued(option), free()]),
    ...commands.flatMap((command) => long.slice(0, 4).map((option) => [fixed(command), free(), ...valued(option)])),
  ];
}
