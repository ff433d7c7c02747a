import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress } from './address.ts';

for (const [text, expected] of Object.entries({
  'them@example.org': { channel: 'smtp', mail: 'them@example.org' },
  'github:them/their.repo_1': { channel: 'github-report', owner: 'them', repo: 'their.repo_1' },
  'advisory:them/theirs': { channel: 'github-advisory', owner: 'them', repo: 'theirs' },
  'issue:them/theirs': { channel: 'github-issue', owner: 'them', repo: 'theirs' },
  'vince: Them & Sons, Ltd. ': { channel: 'vince', vendor: 'Them & Sons, Ltd.' },
  'webhook:https://example.org/hook?a=1': { channel: 'webhook', url: 'https://example.org/hook?a=1' },
  'webhook:http://127.0.0.1:8080/': { channel: 'webhook', url: 'http://127.0.0.1:8080/' },
})) {
  test(`${text} is an address`, () => assert.deepEqual(readAddress(text), expected));
}

for (const text of [
  '',
  'them',
  'github:them',
  'github:them/theirs/more',
  'github:them/..',
  'github:../theirs',
  'github:-them/theirs',
  'github:them/a%2fb',
  'github:them/theirs?x=1',
  'GITHUB:them/theirs',
  'vince:',
  'vince:Them\nBcc: x',
  'webhook:http://example.org/hook',
  'webhook:https://user:word@example.org/',
  'webhook:https://example.org/#part',
  'webhook:file:///etc/passwd',
  'webhook:http://127.0.0.1.example.org/',
  'mailto:them@example.org',
  'constructor:them/theirs',
  '__proto__:them/theirs',
]) {
  test(`${JSON.stringify(text)} is none`, () => assert.equal(readAddress(text), undefined));
}
