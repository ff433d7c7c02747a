/** Where things stand as the code in the sandbox sees them. */

/** The working directory of every run: a tmpfs. */
export const WORK_INSIDE = '/work';

/** Where a target's packages are mounted, read-only. */
export const PACKAGES_INSIDE = `${WORK_INSIDE}/node_modules`;
