import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, FINDING, type World } from '../../test/support/disclosure.ts';
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';
import { draftMitigation, MAX_MITIGATION } from './mitigation.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world?.close());

test('every class has a draft that names the package, is short, and shows no way to a flaw', () => {
  for (const flaw of Object.keys(FLAW_CLASSES) as FlawClass[]) {
    const draft = draftMitigation(flaw, 'example');
    assert.match(draft, /\bexample\b/);
    assert.ok(draft.length <= MAX_MITIGATION);
    assert.doesNotMatch(draft, /\.\.\/|\$\(|`|\(a\+\)|require\(|\{\{/, flaw);
  }
});

test('a draft is in no document until a person accepts it, and then in the report and the advisory', async () => {
  const { disclosure } = world;
  const id = await world.open();
  const draft = draftMitigation(FINDING.flaw, '@scope/example');
  const documents = async (): Promise<readonly string[]> => {
    const opened = await disclosure.find(id);
    assert.ok(opened);
    const { text } = await disclosure.report(opened);
    // The report wraps its lines.
    return [text.replaceAll(/\s+/g, ' '), disclosure.toRecord(opened, 'draft', new Date()).mitigation ?? ''];
  };
  for (const document of await documents()) assert.ok(!document.includes(draft));
  await disclosure.learn(id, { mitigation: draft });
  for (const document of await documents()) assert.ok(document.includes(draft));
  await disclosure.learn(id, { mitigation: null });
  for (const document of await documents()) assert.ok(!document.includes(draft));
});
