/**
 * Runs on any Node from 20: installs what is missing, then hands over to the pinned Node 24.
 * Plain JavaScript on purpose, and without a dependency: nothing is installed when it starts.
 */
'use strict';
const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = __dirname;
/** Of the pinned Node, for whatever it runs. */
const NODE_FLAGS = [
  // Stripping types of the code that runs inside the sandbox is still marked as experimental.
  '--disable-warning=ExperimentalWarning',
  // MB. What a call holds until it is posted outlives the default of 16: a sixth of a gateway's time went into copying it.
  '--max-semi-space-size=64',
];
const MODULES = path.join(ROOT, 'node_modules');
const STAMP = path.join(MODULES, '.installed-lock-sha256');
const LOCK = path.join(ROOT, '.install.lock');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const LOCK_WAIT_MS = 10 * 60 * 1000;
const say = (line) => process.stderr.write(`${line}\n`);

function fail(message) {
  say(`headstart: ${message}`);
  process.exit(70);
}

function lockHash() {
  return createHash('sha256')
    .update(fs.readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex');
}

/** Whose scripts need the packages of development, too: more than half of all files. */
const DEVELOPMENT = ['test', 'check', 'bench'];

/** The stamp names the lock file, and whether the packages of development were left out. */
const stampOf = (hash, isWhole) => (isWhole ? hash : `${hash} without development`);

function isInstalled(hash, isWhole) {
  const stamp = readOr(STAMP, '');
  return stamp === stampOf(hash, true) || (!isWhole && stamp === stampOf(hash, false));
}

/**
 * Waits for the lock of an install and takes it. The lock names every process that works under it: an npm that outlived a
 * killed launcher still writes below node_modules, and the next start waits for it.
 */
async function takeInstallLock() {
  const until = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      fs.writeFileSync(LOCK, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot write ${LOCK}: ${error.message}. Make the clone writable.`);
    }
    const owners = readOr(LOCK, '').split('\n').filter(Boolean).map(Number);
    if (owners.length > 0 && !owners.some(isAlive)) fs.rmSync(LOCK, { force: true });
    else if (Date.now() > until) fail(`another install holds ${LOCK}; remove it if none is running.`);
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function readOr(file, fallback) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function installPackages(isWhole) {
  const hash = lockHash();
  if (isInstalled(hash, isWhole)) return;
  await takeInstallLock();
  try {
    if (isInstalled(hash, isWhole)) return;
    say('Installing the packages of package-lock.json (npm ci, no install scripts) ...');
    const omit = isWhole ? [] : ['--omit=dev'];
    const options = ['ci', ...omit, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    // The lock says which versions; to ask again for each whether it is still the same takes half of the time.
    let status = await runNpm([...options, '--prefer-offline']);
    // What npm has kept of a package may be older than the lock.
    if (status !== 0) status = await runNpm(options);
    if (status !== 0) fail('npm ci failed; see its message above. The npm registry must be reachable once.');
    fs.writeFileSync(STAMP, stampOf(hash, isWhole));
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

/** Its exit status. Told to stop, it is stopped with us. */
function runNpm(options) {
  return new Promise((resolve) => {
    const npm = spawn('npm', options, { cwd: ROOT, stdio: ['ignore', 2, 2] });
    if (npm.pid) fs.appendFileSync(LOCK, `${npm.pid}\n`);
    const stop = (signal) => {
      npm.kill(signal);
      npm.once('exit', () => process.exit(130));
    };
    for (const signal of SIGNALS) process.once(signal, stop);
    npm.on('error', (error) => fail(`npm cannot be started: ${error.message}`));
    npm.on('exit', (code) => {
      for (const signal of SIGNALS) process.removeListener(signal, stop);
      resolve(code);
    });
  });
}

function pinnedNode() {
  const node = path.join(MODULES, '.bin', 'node');
  if (!fs.existsSync(node)) {
    fail(`no pinned Node for ${process.platform}-${process.arch}; this release runs on Linux x64 and arm64.`);
  }
  return node;
}

/** The program, or one of the scripts that belong to the project: which file, and what it is given. */
function chooseScript([command = '', ...rest]) {
  if (command === 'test') return ['scripts/run-tests.ts', ...rest];
  if (command === 'check') return ['scripts/check.ts', ...rest];
  if (command !== 'bench') return ['src/main.ts', ...process.argv.slice(2)];
  const benches = fs
    .readdirSync(path.join(ROOT, 'bench'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
  const [name = '', ...options] = rest;
  if (benches.includes(name)) return [`bench/${name}.ts`, ...options];
  say(`headstart: there is no bench "${name}"; there are ${benches.join(', ')}`);
  process.exit(2);
}

async function main() {
  await installPackages(DEVELOPMENT.includes(process.argv[2]));
  const home = process.env.HEADSTART_HOME ? path.resolve(process.env.HEADSTART_HOME) : path.join(ROOT, '.headstart');
  const [script, ...args] = chooseScript(process.argv.slice(2));
  const child = spawn(pinnedNode(), [...NODE_FLAGS, path.join(ROOT, script), ...args], {
    stdio: 'inherit',
    env: {
      ...process.env,
      HEADSTART_HOME: home,
      NODE_COMPILE_CACHE: path.join(MODULES, '.cache', `node-compile-${process.getuid()}`),
    },
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 70);
  });
}

module.exports = { NODE_FLAGS };

if (require.main === module) void main();
