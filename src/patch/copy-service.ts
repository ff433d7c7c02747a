/** Fresh copies of a package on disk with a patch applied: the version a patch is judged by. Inputs are never changed. */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PackageTree } from '../target/index.ts';
import type { Version } from './attack-service.ts';
import type { FilePatch, FileTexts } from './unified-diff.ts';

export interface Copy extends Version {
  dispose(): Promise<void>;
}

const FILE_BYTES = 8 * 1024 * 1024;

/** The text of the files that a patch names; missing ones are left out. */
export async function readPatched(tree: PackageTree, patches: readonly FilePatch[]): Promise<FileTexts> {
  const texts = new Map<string, string>();
  for (const { path } of patches) {
    const bytes = await readFile(join(tree.directory, tree.packagePath, path)).catch((fault: NodeJS.ErrnoException) => {
      if (fault.code === 'ENOENT' || fault.code === 'ENOTDIR' || fault.code === 'EISDIR') return undefined;
      throw fault;
    });
    if (bytes && bytes.length <= FILE_BYTES) texts.set(path, bytes.toString('utf8'));
  }
  return texts;
}

/** `after` holds every file named by the patch that exists after it. */
export async function copyWith(tree: PackageTree, scratch: string, before: FileTexts, after: FileTexts): Promise<Copy> {
  await mkdir(scratch, { recursive: true });
  const host = await mkdtemp(join(scratch, 'patched-'));
  const dispose = () => rm(host, { recursive: true, force: true });
  try {
    await cp(join(tree.directory, tree.packagePath), host, { recursive: true });
    await chmod(host, 0o755);
    for (const path of before.keys()) if (!after.has(path)) await rm(join(host, path));
    for (const [path, text] of after) {
      if (before.get(path) === text) continue;
      const file = join(host, path);
      await mkdir(dirname(file), { recursive: true, mode: 0o755 });
      await writeFile(file, text);
      await chmod(file, 0o644);
    }
  } catch (fault) {
    await dispose();
    throw fault;
  }
  return { directory: tree.directory, patched: { packagePath: tree.packagePath, host }, dispose };
}
