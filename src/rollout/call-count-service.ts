/** How calls for a model went, counted from the journals of gateways on this machine. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JOURNAL_FOLDER, readJournal } from '../journal/index.ts';

export interface CallCount {
  readonly admitted: number;
  readonly refused: number;
  readonly settled: number;
  /** Not sent, not served, or broken off by the provider's side. */
  readonly failed: number;
  /** Journals that held any of it. */
  readonly journals: number;
}

const FAILED = new Set(['not-sent', 'not-served', 'broken']);

interface Counted {
  readonly type?: string;
  readonly at?: number;
  readonly model?: string;
  readonly asked?: string;
  readonly outcome?: string;
}

/** Throws JournalAltered where a journal is not what was written: then nothing is counted. */
export async function countCalls(home: string, model: string, since: Date): Promise<CallCount> {
  const count = { admitted: 0, refused: 0, settled: 0, failed: 0, journals: 0 };
  const folder = join(home, JOURNAL_FOLDER);
  for (const gateway of await namesIn(folder)) {
    const from = await firstWithNews(join(folder, gateway), since);
    if (from === undefined) continue;
    let hasAny = false;
    for await (const { lines } of readJournal(join(folder, gateway), { from })) {
      for (const line of lines) {
        const record = JSON.parse(line) as Counted;
        const at = typeof record.at === 'number' ? record.at : Date.parse(record.at ?? '');
        if (at < since.getTime() || (record.model ?? record.asked) !== model) continue;
        hasAny = true;
        if (record.type === 'admit') count.admitted += 1;
        else if (record.type === 'refuse') count.refused += 1;
        else if (record.type === 'receipt') {
          count.settled += 1;
          if (FAILED.has(record.outcome ?? '')) count.failed += 1;
        }
      }
    }
    if (hasAny) count.journals += 1;
  }
  return count;
}

/** The first segment that was written to since then. */
async function firstWithNews(directory: string, since: Date): Promise<string | undefined> {
  const segments = (await namesIn(directory)).filter((name) => name.endsWith('.journal')).sort();
  for (const segment of segments) if ((await stat(join(directory, segment))).mtime >= since) return segment;
  return undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
