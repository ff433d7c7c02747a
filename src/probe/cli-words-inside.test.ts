import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentLists } from './cli-lists-inside.ts';
import { wordsIn } from './cli-words-inside.ts';

test('options and subcommands are read from a help text, from the ways libraries declare them, and from plain reading', () => {
  const help = `Usage: tool <command>\n\nCommands:\n  build <dir>   builds it\n  clean         removes it\n\n  -o, --out-dir <dir>  where to\n`;
  const declared = `program.command('deploy <host>').option('-k, --key <file>', 'a key'); yargs.option('region', {});`;
  const read = `const argv = minimist(process.argv.slice(2)); if (argv.dryRun || argv['log'] || argv.length) go(argv.t);`;
  const { options, commands } = wordsIn([help, declared, read], ['maxDepth']);
  assert.deepEqual(commands, ['build', 'clean', 'deploy']);
  assert.deepEqual(options, ['--out-dir', '-o', '--key', '-k', '--region', '--dry-run', '--log', '-t', '--max-depth']);
});

test('what asks for help or a version is no option to try', () => {
  assert.deepEqual(wordsIn(['  -h, --help  this text\n  -v, --version\n'], []).options, []);
});

test('no marker stands in two places, and every option and subcommand stands in some list', () => {
  const lists = argumentLists({ options: ['--one', '-t'], commands: ['go'] });
  const markers = lists.flat().flatMap(({ marker }) => (marker === '' ? [] : [marker]));
  assert.equal(new Set(markers).size, markers.length);
  const texts = new Set(lists.flat().map(({ text }) => text));
  for (const word of ['--one', '-t', 'go']) assert.ok(texts.has(word));
});
