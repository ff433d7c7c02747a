/**
 * Prepares the package's own test run inside the sandbox: a writable copy of the package, and the programs that its
 * dependencies bring, as npm would put them on the path. Then runs the test script and ends as it ends.
 *
 *   node own-tests-inside.ts <package directory> <script>
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const [, , from = '', script = ''] = process.argv;
const work = process.cwd();
const modules = join(work, 'node_modules');
const copy = join(work, 'package-under-test');
const programs = join(work, 'programs');

cpSync(from, copy, { recursive: true });
mkdirSync(programs);
for (const entry of readdirSync(modules)) {
  const names = entry.startsWith('@') ? readdirSync(join(modules, entry)).map((name) => join(entry, name)) : [entry];
  for (const name of names) addPrograms(name);
}

function addPrograms(name: string): void {
  try {
    const { bin } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as { bin?: unknown };
    const named = typeof bin === 'string' ? { [name.split('/').at(-1) ?? name]: bin } : { ...(bin as object) };
    for (const [program, path] of Object.entries(named)) {
      const text = `#!/bin/sh\nexec node ${JSON.stringify(join(modules, name, String(path)))} "$@"\n`;
      if (/^[\w.-]+$/.test(program)) writeFileSync(join(programs, program), text, { mode: 0o755 });
    }
  } catch {
    // A package without a readable manifest brings no program.
  }
}

const { status } = spawnSync('sh', ['-c', script], {
  cwd: copy,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${programs}:${process.env.PATH ?? ''}`, CI: 'true', NODE_ENV: 'test' },
});
process.exit(status ?? 1);
