import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrate } from './calibration.ts';
import { decide, type TriageFacts, whyNoAnswer } from './decide.ts';

const EASY = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';
const HARD = 'CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N';
const QUIET: TriageFacts = {
  claims: [{ rater: 'model', vector: HARD }],
  affected: { purl: 'pkg:npm/name@1.0.0', events: [{ introduced: '0' }, { fixed: '1.0.1' }] },
  kev: [],
  epss: [],
  isAttacked: false,
  isExploitPublic: false,
  answers: { EXP: 'S', HI: 'L', PSI: 'M', VD: 'D', MWI: 'L', PE: 'N' },
};
const IN_CATALOGUE = [{ cve: 'CVE-2025-0001', added: '2025-01-02', due: null, ransomware: true }];
const NOBODY_REVIEWED = calibrate([]);

test('every value says where it comes from, and why', () => {
  for (const facts of [QUIET, { ...QUIET, claims: [], answers: {} }, { ...QUIET, kev: IN_CATALOGUE }]) {
    for (const [name, { source, reasons }] of Object.entries(decide(facts, NOBODY_REVIEWED))) {
      assert.ok(source !== '' && reasons.length > 0 && reasons.every((reason: string) => reason !== ''), name);
    }
  }
});

test('what the catalogue names is exploited, whatever anybody claims', () => {
  const decision = decide(
    { ...QUIET, claims: [{ rater: 'm', vector: EASY }], kev: IN_CATALOGUE, answers: {} },
    NOBODY_REVIEWED,
  );
  assert.equal(decision.exploitation.value, 'active');
  assert.match(decision.exploitation.reasons[0] ?? '', /CVE-2025-0001 .*2025-01-02, used for ransom/);
  assert.equal(decision.supplier.value, 'Immediate');
  assert.equal(decision.deployer.value, 'Immediate');
  assert.equal(decision.coordinator.value, 'Act');
  assert.equal(decision.bod2604.value, '3 days & forensic investigation');
});

test('a quiet flaw that little depends on may wait', () => {
  const decision = decide(QUIET, NOBODY_REVIEWED);
  assert.equal(decision.supplier.value, 'Defer');
  assert.equal(decision.deployer.value, 'Defer');
  assert.equal(decision.coordinator.value, 'Track');
});

test('what nobody knows is taken at its worst, and said so', () => {
  const { deployer } = decide({ ...QUIET, claims: [], answers: {} }, NOBODY_REVIEWED);
  assert.ok(deployer.reasons.some((reason) => /EXP O: not known, the worst is assumed/.test(reason)));
  assert.ok(deployer.reasons.some((reason) => /A Y: no vector/.test(reason)));
  assert.equal(decide({ ...QUIET, claims: [] }, NOBODY_REVIEWED).severity.source, 'assumed');
});

test('of several claims the gravest counts, and a vector that cannot be scored is no claim', () => {
  const claims = [
    { rater: 'scanner', vector: HARD },
    { rater: 'model', vector: EASY },
    { rater: 'joker', vector: 'CVSS:4.0/AV:X' },
  ];
  const { score, severity } = decide({ ...QUIET, claims }, NOBODY_REVIEWED);
  assert.deepEqual([score.value, score.source, severity.value], [9.3, 'claim of model', 'critical']);
});

test('a rater whose claims mostly do not hold is lowered by one step, unless the flaw is exploited', () => {
  const reviews = Array.from({ length: 40 }, () => ({ rater: 'model', claimed: 'critical', found: 'medium' }) as const);
  const facts = { ...QUIET, claims: [{ rater: 'model', vector: EASY }] };
  const known = calibrate(reviews);
  assert.deepEqual([decide(facts, known).severity.value, decide(facts, known).severity.source], ['high', 'calibrated']);
  assert.equal(decide({ ...facts, isAttacked: true }, known).severity.value, 'critical');
  assert.equal(decide(facts, calibrate(reviews.slice(0, 5))).severity.value, 'critical', 'five reviews are too few');
});

test('the likeliest of several ids is told, with what it is a likelihood of', () => {
  const epss = [
    { cve: 'CVE-2025-0001', score: 0.01, percentile: 0.5 },
    { cve: 'CVE-2025-0002', score: 0.9, percentile: 0.99 },
  ];
  const { likelihood } = decide({ ...QUIET, epss }, NOBODY_REVIEWED);
  assert.equal(likelihood.value, 0.9);
  assert.match(likelihood.reasons.join(), /CVE-2025-0002/);
});

test('an answer to a decision point that its table does not have is a fault, not a guess', () => {
  assert.throws(() => decide({ ...QUIET, answers: { EXP: 'nowhere' } }, NOBODY_REVIEWED), RangeError);
});

test('an answer is checked against the table that asks for it', () => {
  assert.equal(whyNoAnswer('EXP', 'C'), undefined);
  assert.equal(whyNoAnswer('VD', 'D'), undefined);
  assert.match(whyNoAnswer('EXP', 'Q') ?? '', /EXP is one of S, C, O/);
  assert.match(whyNoAnswer('KEV', 'N') ?? '', /nobody is asked KEV/);
  assert.match(whyNoAnswer('toString', 'N') ?? '', /nobody is asked/);
});
