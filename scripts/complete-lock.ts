/**
 * Completes `package-lock.json` after an install from a registry that does not carry every platform's packages: npm then
 * leaves those optional packages out, and `npm ci` refuses the lock anywhere. Adds an entry for each of them that
 * names its version and platform, which is all npm needs to know that it is to be passed over.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const FILE = join(import.meta.dirname, '..', 'package-lock.json');
const OS = /(?:^|[-/])(android|darwin|freebsd|linux|openharmony|win32|aix|netbsd|openbsd|sunos)-/;
const CPU = /-(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el)(?:-|$)/;

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockedPackage> };
let added = 0;
for (const [place, locked] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
    const here = `node_modules/${name}`;
    if (lock.packages[here] ?? lock.packages[`${place}/${here}`]) continue;
    const os = OS.exec(name)?.[1];
    const cpu = CPU.exec(name)?.[1];
    // Without a platform in its name it is no package of another platform: leave it to npm.
    if (!os || !cpu || !/^\d/.test(version)) continue;
    const libc = /musl/.test(name) ? ['musl'] : /gnu/.test(name) ? ['glibc'] : undefined;
    lock.packages[here] = {
      version,
      ...(libc && { libc }),
      cpu: [cpu],
      ...(locked.dev && { dev: true }),
      optional: true,
      os: [os],
    } as LockedPackage;
    added += 1;
  }
}
const sorted = Object.fromEntries(
  Object.entries(lock.packages).sort(([left], [right]) => left.localeCompare(right, 'en')),
);
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
process.stderr.write(`${added} entries added to package-lock.json\n`);
