/** A terminal that keeps what a command says, by where it says it. */
import type { Terminal } from '../../src/cli/index.ts';
import type { Json } from '../../src/lib/canonical-json.ts';

export function createRecordedTerminal() {
  const [out, data, said]: [Json[], string[], string[]] = [[], [], []];
  const terminal: Terminal = {
    json: (value) => void out.push(value),
    data: (text) => void data.push(String(text)),
    say: (line) => void said.push(line),
  };
  return { terminal, out, data, said };
}
