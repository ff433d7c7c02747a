/** The part of a reproducer that starts a command-line program within its own process. */
import { argumentLiterals, quoted } from './literal.ts';
import type { ProbePlan } from './plan.ts';

export function programText(
  plan: ProbePlan & { readonly drive: { readonly kind: 'bin' } },
  packageName: string,
): string[] {
  const words = argumentLiterals(plan.drive.args);
  const path = quoted(`/node_modules/${packageName}/${plan.drive.bin}`);
  return [
    'async function attack() {',
    '  // As `node file` would run it; it may not end this process.',
    `  const file = process.cwd() + ${path};`,
    '  if (!fs.existsSync(file)) return;',
    `  process.argv = [process.execPath, file${words ? `, ${words}` : ''}].map(String);`,
    '  process.exit = () => {',
    "    throw new Error('exit asked for');",
    '  };',
    '  reached = true;',
    plan.format === 'esm'
      ? "  await import('file://' + file);"
      : "  process.getBuiltinModule('node:module')._load(file, null, true);",
    '}',
    '',
  ];
}
