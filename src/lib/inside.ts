/** Where things stand as the code in the sandbox sees them, and how our own code is written out for it. */
import { stripTypeScriptTypes } from 'node:module';

/** The working directory of every run: a tmpfs. */
export const WORK_INSIDE = '/work';

/** Where a target's packages are mounted, read-only. */
export const PACKAGES_INSIDE = `${WORK_INSIDE}/node_modules`;

/** Stripped out here, once: inside, each run would load a compiler to do it. `./x-inside.ts` names the staged file. */
export function toPlainScript(text: string): string {
  return stripTypeScriptTypes(text).replaceAll(/(['"])\.\/([a-z-]+-inside)\.ts\1/g, '$1./$2.mjs$1');
}
