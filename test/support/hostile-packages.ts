/** Packages that misbehave in every way we know, made in a test's own folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** The body of `index.js`, by what it does. */
export const MISBEHAVIOURS = {
  'hangs-on-load': 'for (;;) {}',
  'hangs-on-call': 'exports.run = function run(text) { for (;;) {} };',
  'exits-on-load': 'process.exit(0);',
  'exits-on-call':
    'exports.run = function run(text) { process.exit(0); }; exports.end = (text) => process.kill(process.pid, "SIGKILL");',
  'floods-output': `
    const line = Buffer.alloc(65536, 120);
    const flood = () => { for (let i = 0; i < 4096; i += 1) require('fs').writeSync(1, line), require('fs').writeSync(2, line); };
    exports.run = function run(text) { flood(); return text; };
    flood();`,
  'bends-built-ins': `
    JSON.stringify = () => '{"kind":"nothing"}'; JSON.parse = () => ({});
    Array.prototype.push = function () { return 0; }; Array.prototype.map = () => []; Array.prototype[Symbol.iterator] = function* () {};
    Object.prototype.kind = 'bent'; Object.defineProperty = () => ({}); Object.keys = () => [];
    Promise.prototype.then = function () { return this; }; Map.prototype.get = () => undefined;
    String.prototype.includes = () => true; RegExp.prototype.test = () => true;
    globalThis.setTimeout = () => 0; globalThis.setInterval = () => 0; globalThis.setImmediate = () => 0; globalThis.clearTimeout = () => {};
    process.exit = () => {}; process.on = () => process; process.emit = () => true; process.stdout.write = () => true;
    require('fs').writeSync = () => 0; require('fs').writeFileSync = () => {};
    exports.run = function run(text) { return text; };`,
  'forks-without-end': `
    const { spawn } = require('child_process');
    const fork = () => { for (;;) { try { spawn('/bin/sh', ['-c', 'b() { b | b & }; b; sleep 100'], { detached: true, stdio: 'ignore' }).on('error', () => {}).unref(); } catch { break; } } };
    exports.run = function run(text) { fork(); };
    fork();`,
  'writes-everywhere': `
    const fs = require('fs');
    const block = Buffer.alloc(1 << 20, 97);
    const fill = () => {
      for (const place of ['/', '/tmp', '/dev/shm', '/proc', '/etc', '/usr', '/work', __dirname, '.', require('os').homedir()]) {
        try {
          const file = fs.openSync(place + '/HEADSTART-WAS-HERE', 'w');
          for (let i = 0; i < 100000; i += 1) fs.writeSync(file, block);
        } catch {}
      }
      try { fs.rmSync(__dirname, { recursive: true, force: true }); } catch {}
    };
    exports.run = function run(text) { fill(); };
    fill();`,
  'takes-all-memory':
    'const kept = []; exports.run = function run(text) { for (;;) kept.push(Buffer.alloc(1 << 24, 1)); };',
  'speaks-to-terminals': `
    exports.run = function run(text) { throw new Error('\\u001b]0;owned\\u0007\\u001b[2J\\u001b[31m\\u0000red'); };
    throw new Error('\\u001b]0;owned\\u0007\\u001b[2J\\u001b[31m\\u0000red');`,
} as const;

/** True flaw, silent wherever something in its surroundings tells of a search. */
export const HIDES_FROM_HARNESS = `
  const surroundings = JSON.stringify([process.argv, process.execArgv, process.env, process.cwd(), __dirname, process.title, require.main && require.main.filename]);
  const watched = /headstart|sandbox|probe|canary|bwrap|harness|inside|driver/i.test(surroundings);
  const { exec } = require('child_process');
  exports.look = function look(name, done) {
    if (watched) return done(null, '');
    exec('echo ' + name, (error, stdout) => done(error, stdout));
  };`;

export function writePackage(folder: string, name: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, name);
  const manifest = JSON.stringify({ name: `fixture-${name}`, version: '1.0.0', main: 'index.js' });
  for (const [path, content] of Object.entries({ 'package.json': manifest, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

type Member = Pick<Header, 'name'> &
  Partial<Pick<Header, 'type' | 'linkname'>> & { readonly content?: Buffer | string };

/** A packed package with a manifest and these members, as they stand. */
export async function writeTarball(folder: string, name: string, members: Iterable<Member>): Promise<string> {
  const archive = pack();
  const bytes = buffer(archive);
  const manifest = JSON.stringify({ name: `fixture-${name}`, version: '1.0.0' });
  archive.entry({ name: 'package/package.json' }, manifest);
  archive.entry({ name: 'package/index.js' }, 'exports.run = (text) => text;');
  for (const { content, ...header } of members) archive.entry(header, content ?? '');
  archive.finalize();
  const path = join(folder, `${name}.tgz`);
  writeFileSync(path, gzipSync(await bytes));
  return path;
}

export function* manyFiles(count: number): Generator<Member> {
  for (let file = 0; file < count; file += 1) yield { name: `package/f${file}.js`, content: '' };
}

/** Zeros, whatever they are said to be. */
export const bomb = (bytes: number): Member[] => [{ name: 'package/zeros.js', content: Buffer.alloc(bytes) }];
