/** Tries the built-in repairs at the places the effect came through, and keeps the first that mends the flaw. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlawClass } from '../formats/flaw-class.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { PackageTree } from '../target/index.ts';
import { copyWith } from './copy-service.ts';
import { type Baseline, isMended, type PatchParts } from './patch.ts';
import { guardEveryKey, proposeRepairs } from './repair.ts';
import { type FileTexts, writePatch } from './unified-diff.ts';

export interface RepairPatch {
  /** What was done, for the report. */
  readonly title: string;
  readonly patch: string;
}

/** Frames looked at, nearest the effect first. */
const FRAMES = 4;
const LOADED_FILES = 24;

export async function repairPatch(parts: PatchParts, baseline: Baseline): Promise<Result<RepairPatch, string>> {
  const { plan, first } = baseline;
  if (plan === null || !first.verdict?.fired) return refuse('the reproducer has no plan or does not fire');
  const proposals = [
    ...(await proposeAtFrames(baseline, plan.flaw)),
    ...(await proposeEverywhere(baseline, plan.flaw)),
  ];
  for (const { title, before, after } of proposals) {
    const copy = await copyWith(baseline.tree, parts.scratch, before, after);
    try {
      if (await isMended(parts, baseline, copy)) return ok({ title, patch: writePatch(before, after) });
    } finally {
      await copy.dispose();
    }
  }
  const count = proposals.length;
  return refuse(
    count === 0 ? 'no built-in repair fits the place of the effect' : `none of ${count} built-in repairs holds`,
  );
}

interface Proposal {
  readonly title: string;
  readonly before: FileTexts;
  readonly after: FileTexts;
}

async function proposeAtFrames({ tree, first }: Baseline, flaw: FlawClass): Promise<Proposal[]> {
  const own = (first.verdict?.frames ?? []).filter((frame) => frame.startsWith(`${tree.name}/`)).slice(0, FRAMES);
  const proposals: Proposal[] = [];
  for (const frame of own) {
    const [, path = '', line = ''] = /^(.+):(\d+)$/.exec(frame.slice(tree.name.length + 1)) ?? [];
    const text = await readOwn(tree, path);
    if (text === undefined) continue;
    for (const { title, text: repaired } of proposeRepairs({ flaw, text, line: Number(line) })) {
      proposals.push({ title, before: new Map([[path, text]]), after: new Map([[path, repaired]]) });
    }
  }
  return proposals;
}

/** The last resort for prototype pollution: every write and walk by a key, in every file that was loaded. */
async function proposeEverywhere({ tree, first }: Baseline, flaw: FlawClass): Promise<Proposal[]> {
  if (flaw !== 'prototype-pollution') return [];
  const own = first.coverage.loaded.filter((file) => file.startsWith(`${tree.name}/`)).slice(0, LOADED_FILES);
  const [before, after] = [new Map<string, string>(), new Map<string, string>()];
  for (const file of own) {
    const path = file.slice(tree.name.length + 1);
    const text = await readOwn(tree, path);
    if (text === undefined || guardEveryKey(text) === text) continue;
    before.set(path, text);
    after.set(path, guardEveryKey(text));
  }
  return before.size === 0
    ? []
    : [{ title: 'refuse keys that lead to a prototype, wherever a key is followed', before, after }];
}

async function readOwn(tree: PackageTree, path: string): Promise<string | undefined> {
  return await readFile(join(tree.directory, tree.packagePath, path), 'utf8').catch(() => undefined);
}
