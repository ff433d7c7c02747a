import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { type Purl, readPurl, toPurl } from '../../src/formats/purl.ts';
import { needs, readVector, vectorFiles } from './vectors.ts';

interface Parts {
  readonly type: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly version: string | null;
  readonly qualifiers: Readonly<Record<string, string>> | null;
  readonly subpath: string | null;
}

interface PurlCase {
  readonly description: string;
  readonly test_type: 'parse' | 'build' | 'validate';
  readonly expected_failure?: boolean;
  readonly input: string | Parts;
  readonly expected_output: string | Parts | null;
}

const build = ({ type, namespace, name, version, qualifiers, subpath }: Parts): string =>
  toPurl({
    type: type ?? '',
    name: name ?? '',
    ...(namespace && { namespace }),
    ...(version && { version }),
    ...(qualifiers && { qualifiers }),
    ...(subpath && { subpath }),
  });

const toParts = (purl: Purl): Parts => ({
  type: purl.type,
  namespace: purl.namespace ?? null,
  name: purl.name,
  version: purl.version ?? null,
  qualifiers: purl.qualifiers ?? null,
  subpath: purl.subpath ?? null,
});

/** What comes out, in the form of the case's own answer; undefined where it is refused. */
function answer({ test_type, input }: PurlCase): string | Parts | undefined {
  if (test_type === 'build') {
    try {
      return build(input as Parts);
    } catch {
      return undefined;
    }
  }
  const read = readPurl(input as string, { anyCase: test_type === 'validate' });
  if (!read.ok) return undefined;
  return test_type === 'parse' ? toParts(read.value) : toPurl(read.value);
}

test('all 586 cases of the specification come out: parse, build and validate', needs('purl'), () => {
  const counts: Record<string, number> = { parse: 0, build: 0, validate: 0, refused: 0 };
  const wrong: string[] = [];
  for (const file of vectorFiles('purl/tests/**/*.json')) {
    const { tests } = readVector(file) as { tests: readonly PurlCase[] };
    for (const each of tests) {
      counts[each.test_type] = (counts[each.test_type] ?? 0) + 1;
      if (each.expected_failure) counts.refused = (counts.refused ?? 0) + 1;
      const found = answer(each);
      const expected = each.expected_failure ? undefined : each.expected_output;
      try {
        assert.deepEqual(found, expected);
      } catch {
        wrong.push(`${basename(file)} ${each.test_type} ${JSON.stringify(each.input)}: ${JSON.stringify(found)}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(counts, { parse: 206, build: 176, validate: 204, refused: 54 });
});
