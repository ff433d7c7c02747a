/** The policies side by side, as one HTML file that needs nothing else: no script, no font, no address. */
import { barChart, lineChart } from './chart.ts';
import type { Outcome } from './outcome.ts';
import type { Slowdown } from './parameters.ts';
import { chanceOf, DESIRED_ORDERS } from './skill.ts';
import type { Timeline } from './timeline.ts';

export interface Compared {
  /** `paced`, `fixed`, `flood`. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly timeline: Timeline;
}

export interface Comparison {
  readonly findings: number;
  readonly projects: number;
  readonly days: number;
  readonly seed: number;
  readonly slowdown: Slowdown;
  readonly parametersSha256: string;
  readonly policies: readonly Compared[];
  /** The same policies, each set so that as many reports are fixed within 180 days. */
  readonly matched: readonly { readonly name: string; readonly setting: string; readonly outcome: Outcome }[];
}

const ROWS: readonly (readonly [string, (outcome: Outcome) => number])[] = [
  ['confirmed findings', ({ confirmed }) => confirmed],
  ['reports sent', ({ reported }) => reported],
  ['reports fixed within 180 days of sending', ({ fixedWithin180 }) => fixedWithin180],
  ['90-day deadlines missed, from sending', ({ fromSending }) => fromSending.deadlineBreaches],
  ['not fixed 90 days after finding', ({ fromFinding }) => fromFinding.deadlineBreaches],
  ['SSVC-weighted days without a fix, from finding', ({ fromFinding }) => fromFinding.exposureDays],
  ['SSVC-weighted days without a fix, from sending', ({ fromSending }) => fromSending.exposureDays],
  ['flaws fixed before they were public', ({ patchedBeforePublic }) => patchedBeforePublic],
  ['flaws public before they were fixed', ({ publicUnpatched }) => publicUnpatched],
  ['sent above a declared limit', ({ sentAboveDeclared }) => sentAboveDeclared],
  ['made public early', ({ embargoViolations }) => embargoViolations],
];

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1.5rem}
figure{margin:0}figcaption{font-weight:600;margin-bottom:.3rem}svg{width:100%;height:auto}
.grid{stroke:#e5e5e5}.axis{font-size:12px;fill:#444}polyline{fill:none;stroke-width:2.5}
.s0{stroke:#005a9c}.s1{stroke:#b35900;stroke-dasharray:8 4}.s2{stroke:#7a1f5c;stroke-dasharray:2 3}
.n0{fill:#005a9c}.n1{fill:#b35900}.n2{fill:#7a1f5c}.n0,.n1,.n2{font-size:13px;font-weight:600}
.b0{fill:#005a9c}.b1{fill:#b35900}.b2{fill:#7a1f5c}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}.axis{fill:#bbb}.grid{stroke:#333}
.s0{stroke:#6cb8f5}.s1{stroke:#f0a45d}.s2{stroke:#e58cc8}.n0{fill:#6cb8f5}.n1{fill:#f0a45d}.n2{fill:#e58cc8}.b0{fill:#6cb8f5}.b1{fill:#f0a45d}.b2{fill:#e58cc8}}
`;

export function toComparisonPage(comparison: Comparison): string {
  const { findings, projects, days, seed, slowdown, policies, matched } = comparison;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>A simulated year of disclosure</title><style>${STYLE}</style></head><body>
<h1>A simulated year of disclosure: ${number(findings)} findings, ${number(projects)} projects, ${days} days, seed ${seed}</h1>
<p>Every policy meets the same flaws, maintainers, leaks and rediscoveries. Maintainers take ${number(slowdown.days)} times as long as the
fitted history of OSS-Fuzz says (${number(slowdown.other)} times more for what is neither high nor critical): with these factors 97 of 1,596 reports
to 281 projects are fixed at day 45, as in Glasswing's funnel of 22 May 2026. Within a project a fix takes ${slowdown.loadRatio} times as long with
three or more reports open. Parameters sha256 ${comparison.parametersSha256}.</p>
<h2>As each policy is set</h2>
${table(policies)}
<h2>At as many reports fixed within 180 days</h2>
${table(matched.map(({ name, setting, outcome }) => ({ name: `${name} (${setting})`, outcome })))}
<h2>Through the year</h2>
<div class="charts">${curves(policies)}</div>
<h2>Skill at coordination (Vultron)</h2>
<p>1: the order always came about. 0: as often as by chance. Below 0: less often.</p>
${skillTable(policies)}
<div class="charts">${barChart(
    'Fixed before public: skill',
    policies.map(({ name, outcome }) => ({ name, value: outcome.skill['F<P'] ?? 0 })),
  )}</div>
</body></html>
`;
}

function table(columns: readonly { readonly name: string; readonly outcome: Outcome }[]): string {
  const head = columns.map(({ name }) => `<th scope="col">${name}</th>`).join('');
  const rows = ROWS.map(([title, of]) => {
    const cells = columns.map(({ outcome }) => `<td>${number(of(outcome))}</td>`).join('');
    return `<tr><td>${title}</td>${cells}</tr>`;
  });
  return `<table><thead><tr><th scope="col"></th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function curves(policies: readonly Compared[]): string {
  const days = policies[0]?.timeline.days ?? [];
  const lines = (of: (timeline: Timeline) => readonly number[]) =>
    policies.map(({ name, timeline }) => ({ name, values: of(timeline) }));
  return [
    lineChart(
      'Reports sent',
      days,
      lines(({ reported }) => reported),
    ),
    lineChart(
      'Flaws fixed',
      days,
      lines(({ fixed }) => fixed),
    ),
    lineChart(
      'Public and not fixed',
      days,
      lines(({ exposed }) => exposed),
    ),
  ].join('');
}

function skillTable(policies: readonly Compared[]): string {
  const head = policies.map(({ name }) => `<th scope="col">${name}</th>`).join('');
  const rows = DESIRED_ORDERS.map((order) => {
    const cells = policies.map(({ outcome }) => `<td>${(outcome.skill[order] ?? 0).toFixed(3)}</td>`).join('');
    return `<tr><td>${order.replace('<', ' before ')}</td><td>${chanceOf(order).toFixed(3)}</td>${cells}</tr>`;
  });
  return `<table><thead><tr><th scope="col">order</th><th scope="col">by chance</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 1 });
