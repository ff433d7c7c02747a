import assert from 'node:assert/strict';
import { test } from 'node:test';
import { houseDocuments } from '../../test/support/release.ts';
import type { Json } from '../lib/canonical-json.ts';
import { evaluate, openGround } from '../policy/index.ts';
import { type Report, toHtml, toMarkdown } from './document.ts';
import { type CaseToShow, reportSafetyCase } from './safety-case-report.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ASKED = { model: 'm1', modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' };

type Loose = { [name: string]: Json };
type Draft = { [list in 'ways' | 'claims' | 'safeguards' | 'evidence' | 'reviews' | 'context']: Loose[] } & Loose;

function open(change: (draft: Draft) => void = () => {}): CaseToShow {
  const documents = houseDocuments(ASKED, undefined, undefined, (draft) => change(draft as Draft));
  const [ground, decided] = [openGround(documents), evaluate(documents)];
  assert.ok(ground.ok && ground.value.safetyCase && decided.ok);
  return { ...ground.value.safetyCase, decision: { document: decided.value, sha256: 'f'.repeat(64) } };
}
const figuresOf = ({ blocks }: Report) => blocks.flatMap((block) => (block.kind === 'figure' ? [block] : []));
const figure = (report: Report, name: string): string =>
  figuresOf(report).find((each) => each.name === name)?.svg ?? '';
/** What a picture says: its lines, joined, because a text is broken wherever the box ends. */
const wordsOf = (svg: string): string =>
  [...svg.matchAll(/<tspan[^>]*>([^<]*)<\/tspan>/g)].map(([, text]) => text).join(' ');
/** Enough of XML to see that no text broke out: tags close in order, and between them stands no bare `<` or `&`. */
function whyNotWellFormed(xml: string): string | undefined {
  const open: string[] = [];
  const between = xml.replace(
    /<(\/?)([a-zA-Z]+)((?: [a-zA-Z\d:-]+="[^"<]*")*)(\/?)>/g,
    (_all, close, name, _rest, empty) => {
      if (close && open.pop() !== name) open.push(`</${name}> closes nothing`);
      if (!close && !empty) open.push(name);
      return '';
    },
  );
  if (/[<>]|&(?!(?:amp|lt|gt|quot|#39);)/.test(between)) return `bare markup in ${between}`;
  return open[0];
}
/** Everything written out: both texts and each picture. */
const written = (report: Report): string[] => [
  toMarkdown(report),
  toHtml(report),
  ...figuresOf(report).map(({ svg }) => svg),
];

test('the same case is written out to the same bytes', () => {
  const shown = open();
  assert.deepEqual(written(reportSafetyCase(structuredClone(shown))), written(reportSafetyCase(shown)));
});

test('every claim, safeguard, piece of evidence, threshold, residual risk and review is told, in the text and in the pictures', () => {
  const report = reportSafetyCase(
    open(({ evidence, claims }) => {
      Object.assign(claims[0] ?? {}, { argument: 'Argued in words' });
      evidence.push({ id: 'bound', text: 'Breaches', metric: 'b', threshold: { atLeast: 0.01, atMost: 0.05 } });
    }),
  );
  const [markdown, html] = [toMarkdown(report), toHtml(report)];
  const told = [
    ...[
      'The model can be used by trusted organisations at an acceptable risk',
      'Argued in words',
      'They found no way around',
    ],
    ...['Attacked by a red team', 'Every probe was stopped', 'Contained in evaluations', 'Organisations were vetted'],
    ...['at least 0.01, at most 0.05', 'What is left is watched', 'A laboratory', DIGEST, 'f'.repeat(64)],
    ...['Harm by misuse-by-member', 'Harm by stolen-access', 'Harm by early-leak', 'Harm by escape'],
  ];
  for (const each of told) {
    assert.ok(html.includes(each), `${each} in the HTML`);
    assert.ok(markdown.includes(each), `${each} in the Markdown`);
  }
  const overview = wordsOf(figure(report, 'overview'));
  for (const each of ['misuse-by-member', 'stolen-access', 'early-leak', 'escape', 'vetted'])
    assert.ok(overview.includes(each), each);
  const one = wordsOf(figure(report, 'way-escape'));
  for (const each of [
    'kept-in',
    'Nothing gets out',
    'gate',
    'sandbox',
    'tested',
    'attested',
    'contained',
    'Every probe',
  ])
    assert.ok(one.includes(each), each);
  assert.ok(!one.includes('access-held'), 'a claim about other ways does not stand under this one');
});

test('the pictures have the shapes of the notation, and no two boxes of one lie on each other', () => {
  const report = reportSafetyCase(open());
  const overview = figure(report, 'overview');
  for (const shape of ['<rect ', '<polygon ', '<ellipse ']) assert.ok(overview.includes(shape), shape);
  assert.equal([...figure(report, 'way-escape').matchAll(/<circle /g)].length, 3);
  for (const { name, svg } of figuresOf(report)) {
    assert.equal(whyNotWellFormed(svg), undefined, name);
    const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
      ([, ...numbers]) => numbers.map(Number),
    );
    assert.ok(boxes.length >= 3, name);
    for (const [at, [x = 0, y = 0, w = 0, h = 0]] of boxes.entries()) {
      for (const [ox = 0, oy = 0, ow = 0, oh = 0] of boxes.slice(at + 1))
        assert.ok(x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y, `${name}: ${x},${y} on ${ox},${oy}`);
    }
  }
});

test('a way of harm without a claim is an error with its place, and red where it stands', () => {
  const shown = open(({ claims }) => void claims.pop());
  const report = reportSafetyCase(shown);
  assert.ok(toHtml(report).includes('/ways/2 (early-leak): no claim covers it'));
  assert.match(toHtml(report), /<p class="warning">It does not carry its stage: \d+ errors/);
  assert.match(figure(report, 'way-early-leak'), /stroke="#8a1c1c"/);
  assert.doesNotMatch(figure(report, 'way-stolen-access'), /#8a1c1c/);
  assert.doesNotMatch(toHtml(reportSafetyCase(open())), /class="warning"|#8a1c1c"/);
});

test('evidence below its threshold is red along the whole line that rests on it, and only there', () => {
  const report = reportSafetyCase(
    open(({ evidence }) => void Object.assign(evidence[2] ?? {}, { result: 'another-evaluation' })),
  );
  const reds = (name: string) => [...figure(report, name).matchAll(/stroke="#8a1c1c"/g)].length;
  // Of `escape`: the way, its claim, the sandbox and the evidence.
  assert.deepEqual([reds('way-escape'), reds('way-stolen-access'), reds('overview')], [4, 0, 3]);
  assert.ok(toMarkdown(report).includes('not-there: no result another-evaluation is at hand'));
});

test('markup in texts stays text: in HTML, in pictures and in Markdown', () => {
  const evil =
    '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp; \u0000\u0001 ]]> --> ![x](javascript:1) `c` | **b**';
  const report = reportSafetyCase(
    open((draft) => {
      Object.assign(draft, { claim: evil });
      for (const list of ['ways', 'claims', 'safeguards', 'evidence', 'reviews', 'context'] as const)
        for (const each of draft[list]) Object.assign(each, { text: evil, by: evil.slice(0, 20) });
      for (const list of ['ways', 'claims', 'safeguards', 'evidence', 'context'] as const)
        for (const each of draft[list]) delete each.by;
    }),
  );
  const html = toHtml(report);
  assert.doesNotMatch(html, /<script|<img|<iframe|<link|<a |\son\w+=(?!alert)/i);
  assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  assert.match(html, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  for (const { name, svg } of figuresOf(report)) {
    assert.equal(whyNotWellFormed(svg), undefined, name);
    assert.doesNotMatch(svg, /<script|<img|<foreignObject|href=/i);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to write them.
    assert.doesNotMatch(svg, /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  }
  const markdown = toMarkdown(report);
  assert.doesNotMatch(markdown, /(?<!\\)<(?:script|img)/);
  assert.doesNotMatch(markdown, /(?<!\\)!\\?\[x/);
  for (const line of markdown.split('\n').filter((each) => each.startsWith('| ') && each.includes('alert')))
    assert.equal(line.match(/(?<!\\)\|/g)?.length, line.includes('red-team') ? 6 : line.includes('pass') ? 6 : 5, line);
});

test('a text that begins as a list, a heading, a rule or an address does not become one in Markdown', () => {
  for (const text of ['- item', '+ item', '1. item', '2) item', '=== rule', '# title', '> quote', '    code']) {
    const [, body = ''] = toMarkdown({ title: 't', blocks: [{ kind: 'paragraph', text }] }).split('\n\n');
    assert.doesNotMatch(body, /^(?:[-+=#>]|\d+[.)]|\s)/, text);
  }
  const address = toMarkdown({
    title: 't',
    blocks: [{ kind: 'paragraph', text: 'see https://example.org and www.example.org' }],
  });
  assert.doesNotMatch(address, /https:\/\/|www\./);
});
