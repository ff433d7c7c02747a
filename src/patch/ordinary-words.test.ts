import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesOf } from '../probe/index.ts';
import { ordinaryWords } from './ordinary-words.ts';

const DRIVE = { kind: 'call', args: [{ kind: 'payload' }], after: [] } as const;

function matching(source: string, flags = ''): readonly string[] {
  const plan = { flaw: 'redos', payload: 'a{{repeat}}\u0000', drive: DRIVE } as const;
  const words = ordinaryWords(plan, samplesOf(source, flags));
  const expression = new RegExp(source, flags);
  return words.filter(({ word, isSample }) => isSample === true && expression.test(word)).map(({ word }) => word);
}

test('what a slow expression takes is among the words its function is called with', () => {
  for (const source of [
    String.raw`^(.)(.*?)\t(.*?)\t(.*?)\u000d\u000a$`,
    String.raw`^\s*([a-z]+)(?:\s*=\s*"([^"]*)")?;$`,
    String.raw`^(?:\d{1,3}\.){3}\d{1,3}$`,
    String.raw`<!--[\s\S]*?-->`,
  ]) {
    assert.ok(matching(source).length > 0, source);
  }
});

test('its optional parts are left out once, and there once', () => {
  assert.deepEqual(matching('^a(?:-b)?$'), ['a', 'a-b']);
});
