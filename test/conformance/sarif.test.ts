/** Every SARIF file of the vectors through intake: each result accounted for, each file that is not read told why. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { validateText } from '../../src/formats/validate.ts';
import { createIntake, type Intake, openFileSource } from '../../src/intake/index.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../../src/store/test-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { needs, readVector, vectorPath } from './vectors.ts';

interface Described {
  readonly file: string;
  readonly json: boolean;
  readonly version?: string;
  readonly results?: number;
  readonly schemaValid?: boolean;
}

const described = (): readonly Described[] => readVector(vectorPath('sarif/manifest.json')) as Described[];

let db: TestDatabase;
let intake: Intake;

before(async () => {
  db = await createTestDatabase();
  const vault = createVault({ masterKey: systemRandom(32), random: systemRandom });
  intake = createIntake({ database: db.database, vault, random: systemRandom });
});
after(() => db.drop());

const importVector = async (file: string) =>
  intake.importFrom(await openFileSource(vectorPath(`sarif/${file}`)), { format: 'auto', origin: 'file' });

test(
  '74 files: every result has its fate, an unsupported version and a broken file are told',
  needs('sarif'),
  async () => {
    let received = 0;
    for (const { file, json, version, results = 0 } of described()) {
      const done = await importVector(file);
      assert.equal(done.received, done.canonical + done.merged + done.rejected, file);
      assert.equal(done.received, json ? results : 1, file);
      received += done.received;
      if (!json) {
        assert.deepEqual([done.canonical, done.rejected], [0, 1], file);
        assert.match(done.reasons.join(), /unreadable-file: no JSON: .* \(byte \d+\)/, file);
      } else if (version === '2.1.0') assert.equal(done.refused, undefined, file);
      else {
        assert.equal(done.canonical, 0, file);
        assert.match(
          done.reasons.join(),
          new RegExp(`unsupported-version: SARIF ${version?.replaceAll('.', '\\.')} `),
          file,
        );
      }
    }
    assert.equal(received, 1_082 + 2);
  },
);

test('the same 74 files again change nothing', needs('sarif'), async () => {
  for (const { file } of described()) await importVector(file);
  const before = await fingerprintOf(db);
  for (const { file, json, results = 0 } of described()) {
    const again = await importVector(file);
    assert.deepEqual([again.canonical, again.rejected, again.merged], [0, 0, json ? results : 1], file);
  }
  assert.deepEqual(await fingerprintOf(db), before);
});

test('every record gives back the bytes of its result', needs('sarif'), async () => {
  for (const { file, json, version } of described()) {
    if (!json || version !== '2.1.0') continue;
    await importVector(file);
  }
  const files = described().map(({ file }) => readFileSync(vectorPath(`sarif/${file}`)));
  const originals = new Set<string>();
  let after: number | undefined;
  for (;;) {
    const page = await intake.list({ where: {}, limit: 200, before: after });
    for (const { id } of page) {
      const parts: Buffer[] = [];
      for await (const part of (await intake.original(id)) ?? []) parts.push(part);
      const original = Buffer.concat(parts);
      assert.ok(files.some((bytes) => bytes.includes(original)));
      originals.add(shapeOf(original.toString()));
    }
    after = page.at(-1)?.number;
    if (page.length === 0) break;
  }
  for (const { file, json, version } of described()) {
    if (!json || version !== '2.1.0') continue;
    const text = readFileSync(vectorPath(`sarif/${file}`), 'utf8').replace(/^\uFEFF/, '');
    for (const run of JSON.parse(text).runs) {
      for (const result of run.results ?? []) assert.ok(originals.has(shapeOf(JSON.stringify(result))), file);
    }
  }
});

test('59 logs of version 2.1.0 are valid or not as the manifest says', needs('sarif'), () => {
  const logs = described().filter(({ version }) => version === '2.1.0');
  assert.equal(logs.length, 59);
  for (const { file, schemaValid } of logs) {
    const { valid } = validateText('sarif', readFileSync(vectorPath(`sarif/${file}`), 'utf8'));
    assert.equal(valid, schemaValid, file);
  }
});

test('suppressed, passed and absent results are put aside, not lost', needs('sarif'), async () => {
  for (const { file } of described()) await importVector(file);
  const rejected = await intake.list({ fate: 'rejected', where: {}, limit: 1_000 });
  const dismissed = rejected.filter(({ fate }) => fate.fate === 'rejected' && fate.reason === 'dismissed');
  const details = new Set(dismissed.map(({ detail }) => detail));
  assert.deepEqual(
    details,
    new Set(['suppressed (external)', 'suppressed (inSource)', 'kind pass', 'baselineState absent']),
  );
});

/** The same for the same value, however it is spaced; of what is no JSON, the text itself. */
function shapeOf(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

async function fingerprintOf({ database }: TestDatabase): Promise<unknown> {
  const { rows } = await database.query(
    `select (select jsonb_agg(to_jsonb(i) order by id) from intake.imports i) as imports,
            (select md5(string_agg(to_jsonb(r)::text, '' order by number)) from intake.records r) as records,
            (select md5(string_agg(to_jsonb(b)::text, '' order by blind, number)) from intake.blinds b) as blinds,
            (select count(*) from intake.parts) as parts`,
  );
  return rows;
}
