/** Writes below `<HOME>/public`: each file whole or not at all, and never through a link. */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { RandomBytes } from '../lib/id.ts';

export function createPublicTree(home: string, random: RandomBytes) {
  const root = join(home, 'public');
  return {
    /** `path` is relative to `public/`. The same bytes again change nothing. */
    async write(path: string, text: string): Promise<void> {
      const target = join(root, path);
      if (relative(root, target).split(sep).includes('..'))
        throw new Error(`${path} lies outside the public directory`);
      await makeFolder(root, dirname(target));
      if ((await readFile(target, 'utf8').catch(() => undefined)) === text) return;
      // The unfinished file lies outside `public/`, so that nobody is ever served half of it.
      const scratch = join(home, 'scratch');
      await mkdir(scratch, { recursive: true, mode: 0o700 });
      const unfinished = join(scratch, `public-${Buffer.from(random(16)).toString('hex')}`);
      try {
        const file = await open(unfinished, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o644);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(unfinished, target);
      } finally {
        await rm(unfinished, { force: true });
      }
    },
  };
}

/** Makes the folders one by one and refuses a link among them. */
async function makeFolder(root: string, folder: string): Promise<void> {
  await mkdir(root, { recursive: true });
  let current = root;
  for (const name of relative(root, folder).split(sep).filter(Boolean)) {
    current = join(current, name);
    await mkdir(current, { recursive: true });
    if (!(await lstat(current)).isDirectory()) throw new Error(`${current} is a link or a file, not a directory`);
  }
}
