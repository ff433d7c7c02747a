/** Small charts as SVG text. Numbers and our own words go in, nothing from outside. */
export interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

const WIDTH = 640;
const HEIGHT = 240;
const EDGE = { left: 64, right: 84, top: 12, bottom: 28 } as const;
const TICKS = 4;

/** Lines over common x values; the n-th line has the class `s<n>`. */
export function lineChart(title: string, xs: readonly number[], lines: readonly Line[]): string {
  const most = niceAbove(Math.max(1, ...lines.flatMap(({ values }) => values)));
  const last = Math.max(1, xs.at(-1) ?? 1);
  const x = (at: number): number => EDGE.left + (at / last) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value: number): number => HEIGHT - EDGE.bottom - (value / most) * (HEIGHT - EDGE.top - EDGE.bottom);
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  const grid = ticks.map((share) => {
    const [at, value] = [y(share * most), share * most];
    return `<line class="grid" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${fixed(at)}" y2="${fixed(at)}"/><text class="axis" x="${EDGE.left - 6}" y="${fixed(at + 4)}" text-anchor="end">${count(value)}</text>`;
  });
  const below = ticks.map(
    (share) =>
      `<text class="axis" x="${fixed(x(share * last))}" y="${HEIGHT - 8}" text-anchor="middle">day ${count(share * last)}</text>`,
  );
  const drawn = lines.map(({ name, values }, index) => {
    const points = values.map((value, at) => `${fixed(x(xs[at] ?? 0))},${fixed(y(value))}`).join(' ');
    const end = values.at(-1) ?? 0;
    return `<polyline class="s${index}" points="${points}"/><text class="n${index}" x="${WIDTH - EDGE.right + 6}" y="${fixed(y(end) + 4)}">${name}</text>`;
  });
  return figure(title, [...grid, ...below, ...drawn].join(''));
}

const BAR = { height: 18, gap: 6, label: 150 } as const;

/** One bar a line, all to one scale; `from` is where bars begin. */
export function barChart(title: string, bars: readonly { readonly name: string; readonly value: number }[]): string {
  const most = Math.max(1e-9, ...bars.map(({ value }) => Math.abs(value)));
  const least = Math.min(0, ...bars.map(({ value }) => value));
  const width = WIDTH - BAR.label - EDGE.right;
  const scale = width / (most - least);
  const zero = BAR.label - least * scale;
  const drawn = bars.map(({ name, value }, index) => {
    const top = index * (BAR.height + BAR.gap);
    const left = value < 0 ? zero + value * scale : zero;
    const length = Math.abs(value) * scale;
    const text = `<text class="axis" x="${BAR.label - 8}" y="${top + 13}" text-anchor="end">${name}</text>`;
    return `${text}<rect class="b${index % 3}" x="${fixed(left)}" y="${top}" width="${fixed(length)}" height="${BAR.height}"/><text class="axis" x="${fixed(left + length + 6)}" y="${top + 13}">${count(value)}</text>`;
  });
  return figure(title, drawn.join(''), bars.length * (BAR.height + BAR.gap));
}

const figure = (title: string, inner: string, height = HEIGHT): string =>
  `<figure><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">${inner}</svg></figure>`;

const fixed = (value: number): string => value.toFixed(1);

function count(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 0);
}

function niceAbove(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((times) => times * step).find((each) => each >= value) ?? value;
}
