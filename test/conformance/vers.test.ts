import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { contains, findOrder, readCanonicalVers, readVers, sortVersions, toVers } from '../../src/formats/vers.ts';
import { fromNative } from '../../src/formats/vers-native.ts';
import { needs, readVector, vectorFiles } from './vectors.ts';

interface VersCase {
  readonly test_type: 'comparison' | 'equality' | 'from_native' | 'parse' | 'validate' | 'containment';
  readonly expected_failure?: boolean;
  readonly input: unknown;
  readonly expected_output: unknown;
}

interface Versions {
  readonly input_scheme: string;
  readonly versions: readonly [string, string];
}

/** What comes out, in the form of the case's own answer; undefined where it is refused. */
function answer({ test_type, input }: VersCase): unknown {
  switch (test_type) {
    case 'comparison': {
      const { input_scheme, versions } = input as Versions;
      return sortVersions(input_scheme, versions);
    }
    case 'equality': {
      const { input_scheme, versions } = input as Versions;
      return findOrder(input_scheme)?.(...versions) === 0;
    }
    case 'from_native': {
      const { scheme, native_range } = input as { scheme: string; native_range: string };
      const read = fromNative(scheme, native_range);
      return read.ok ? toVers(read.value) : undefined;
    }
    case 'parse': {
      const read = readCanonicalVers(input as string);
      if (!read.ok) return undefined;
      const { scheme, constraints } = read.value;
      return { scheme, version_constraints: constraints.map(({ comparator, version }) => [comparator, version]) };
    }
    case 'validate': {
      const read = readVers(input as string);
      return read.ok ? toVers(read.value) : undefined;
    }
    case 'containment': {
      const { vers, version } = input as { vers: string; version: string };
      const read = readVers(vers);
      return read.ok ? contains(read.value, version) : undefined;
    }
  }
}

test('all 2,701 cases of the specification come out, scheme by scheme', needs('vers'), () => {
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  for (const file of vectorFiles('vers/tests/*.json')) {
    for (const each of (readVector(file) as { tests: readonly VersCase[] }).tests) {
      counts[each.test_type] = (counts[each.test_type] ?? 0) + 1;
      const found = answer(each);
      try {
        assert.deepEqual(found, each.expected_failure ? undefined : each.expected_output);
      } catch {
        const asked = `${JSON.stringify(each.input)} should be ${JSON.stringify(each.expected_output)}`;
        wrong.push(`${basename(file)} ${each.test_type} ${asked}, is ${JSON.stringify(found)}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(counts, {
    comparison: 1_761,
    equality: 161,
    from_native: 737,
    containment: 11,
    validate: 19,
    parse: 12,
  });
});
