/** `dedupe`: which records of a list tell of the same flaw. Needs no data directory, and keeps nothing. */

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { cluster, type DuplicateRecord, readDuplicateRecord } from '../duplicates/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { endUnreadable } from './file-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

/** Longest list, records. */
const MAX_RECORDS = 200_000;

interface Line {
  readonly record: DuplicateRecord;
  /** As it was given: a number stays one. */
  readonly id: Json;
}

export function registerDedupe(program: Command, { terminal }: { readonly terminal: Terminal }): void {
  program
    .command('dedupe <file>')
    .description('which records of a list (JSON, one a line) tell of the same flaw: {"id","cluster"} for each')
    .option('--json', 'as without it: standard output holds nothing but JSON')
    .action(async (file: string) => {
      const lines = await readLines(file);
      const given = new Map(lines.map(({ record, id }) => [record.id, id]));
      if (given.size < lines.length) throw new CommandEnd('failed', `${file} has two records with the same id`);
      const clustered = cluster(lines.map(({ record }) => record));
      for (const { id, cluster: first } of clustered) {
        terminal.json({ id: given.get(id) ?? id, cluster: given.get(first) ?? first });
      }
      const clusters = new Set(clustered.map((each) => each.cluster)).size;
      terminal.say(`${lines.length} records tell of ${clusters} flaws`);
    });
}

async function readLines(file: string): Promise<readonly Line[]> {
  const lines: Line[] = [];
  let at = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      at += 1;
      const bare = text.replace(/^\uFEFF/, '').trim();
      if (bare === '') continue;
      if (lines.length === MAX_RECORDS) throw new CommandEnd('failed', `${file} has more than ${MAX_RECORDS} records`);
      lines.push(readLine(bare, `${file}, line ${at}`));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    endUnreadable(file, error);
  }
  return lines;
}

function readLine(text: string, where: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CommandEnd('failed', `${where} is not JSON: each line is one object with an "id"`);
  }
  const record = readDuplicateRecord(value);
  if (!record) throw new CommandEnd('failed', `${where} has no "id": each line is one object with an "id"`);
  return { record, id: (value as { readonly id: Json }).id };
}
