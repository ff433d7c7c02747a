/**
 * Arguments as pictures, in the shapes of the Goal Structuring Notation: goal (rectangle), strategy (parallelogram),
 * solution (circle), context (rounded), assumption (ellipse). Laid out in layers from the top; the same argument gives the
 * same bytes, on every machine, because no width of a letter is measured.
 */
import { escapeXml } from './document.ts';

export type NodeKind = 'goal' | 'strategy' | 'solution' | 'context' | 'assumption';

export interface ArgumentNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  readonly text: string;
  /** What is wrong with it, or that it stands. */
  readonly state?: 'stands' | 'fails';
  /** Drawn below it, in this order. A node may be supported by one that others rest on too. */
  readonly supportedBy: readonly string[];
  /** Drawn beside it. */
  readonly inContextOf?: readonly string[];
}

export interface Argument {
  readonly root: string;
  readonly nodes: readonly ArgumentNode[];
}

interface Placed {
  readonly node: ArgumentNode;
  readonly lines: readonly string[];
  readonly width: number;
  readonly height: number;
  x: number;
  y: number;
}

const CHAR_WIDTH = 7;
const LINE_HEIGHT = 15;
const GAP_X = 22;
const GAP_Y = 46;
const MARGIN = 14;
const LINE_CHARS: Readonly<Record<NodeKind, number>> = {
  goal: 26,
  strategy: 26,
  solution: 17,
  context: 22,
  assumption: 20,
};
const MAX_LINES = 9;

export function drawArgument({ root, nodes }: Argument, title: string): string {
  const placed = new Map(nodes.map((node) => [node.id, measure(node)]));
  const layers = layersOf(root, placed);
  const width = place(root, placed, layers);
  const all = [...placed.values()].filter(({ x }) => !Number.isNaN(x));
  const right = Math.max(width, ...all.map((each) => each.x + each.width / 2));
  const bottom = Math.max(...all.map((each) => each.y + each.height));
  const [w, h] = [Math.ceil(right + MARGIN), Math.ceil(bottom + MARGIN)];
  const edges = all.flatMap((from) => [
    ...from.node.supportedBy.flatMap((id) => edge(from, placed.get(id), 'supported')),
    ...(from.node.inContextOf ?? []).flatMap((id) => edge(from, placed.get(id), 'context')),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" aria-label="${escapeXml(title)}" font-family="system-ui, sans-serif" font-size="11.5">`,
    `<title>${escapeXml(title)}</title>`,
    '<defs><marker id="s" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z" fill="#39424e"/></marker>',
    '<marker id="c" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z" fill="#fff" stroke="#39424e"/></marker></defs>',
    ...edges,
    ...all.map(shape),
    '</svg>',
  ].join('\n');
}

function measure(node: ArgumentNode): Placed {
  const perLine = LINE_CHARS[node.kind];
  const body = wrap(node.text, perLine);
  const cut = body.length > MAX_LINES ? [...body.slice(0, MAX_LINES - 1), `${body[MAX_LINES - 1] ?? ''}…`] : body;
  const lines = [node.label, ...cut];
  const longest = Math.max(...lines.map((line) => line.length), 8);
  const [inner, high] = [longest * CHAR_WIDTH, lines.length * LINE_HEIGHT];
  switch (node.kind) {
    case 'solution': {
      const across = Math.ceil(Math.hypot(inner, high)) + 12;
      return { node, lines, width: across, height: across, x: Number.NaN, y: 0 };
    }
    case 'assumption':
      return {
        node,
        lines,
        width: Math.ceil(inner * 1.35) + 16,
        height: Math.ceil(high * 1.35) + 16,
        x: Number.NaN,
        y: 0,
      };
    case 'strategy':
      return { node, lines, width: Math.ceil(inner) + 52, height: high + 18, x: Number.NaN, y: 0 };
    default:
      return { node, lines, width: Math.ceil(inner) + 24, height: high + 18, x: Number.NaN, y: 0 };
  }
}

/** The deepest place each node has below the root. What stands beside is in no layer. */
function layersOf(root: string, placed: ReadonlyMap<string, Placed>): ReadonlyMap<string, number> {
  const depth = new Map<string, number>();
  const visit = (id: string, at: number, path: readonly string[]): void => {
    // An argument that rests on itself rests on nothing: it is drawn once.
    if (path.includes(id) || !placed.has(id) || (depth.get(id) ?? -1) >= at) return;
    depth.set(id, at);
    for (const below of placed.get(id)?.node.supportedBy ?? []) visit(below, at + 1, [...path, id]);
  };
  visit(root, 0, []);
  return depth;
}

/** Gives every node its place; returns how wide the whole is. */
function place(root: string, placed: ReadonlyMap<string, Placed>, layers: ReadonlyMap<string, number>): number {
  const depths = Math.max(...layers.values()) + 1;
  const rowOf = (at: number): Placed[] =>
    [...layers].flatMap(([id, depth]) => (depth === at ? [placed.get(id) as Placed] : []));
  let top = MARGIN;
  for (let at = 0; at < depths; at += 1) {
    const row = rowOf(at);
    const besides = row.flatMap(({ node }) => (node.inContextOf ?? []).flatMap((id) => placed.get(id) ?? []));
    const high = Math.max(...row.map(({ height }) => height), 0);
    for (const each of row) each.y = top;
    let besideTop = top;
    for (const each of besides) {
      each.y = besideTop;
      besideTop += each.height + 10;
    }
    top = Math.max(top + high, besideTop) + GAP_Y;
  }
  const children = ownersOf(root, placed, layers);
  const layOut = (id: string, left: number): number => {
    const it = placed.get(id);
    if (!it) return 0;
    const below = children.get(id) ?? [];
    let across = 0;
    for (const each of below) across += layOut(each, left + across) + GAP_X;
    across = Math.max(across - GAP_X, 0);
    const own = Math.max(across, it.width);
    if (across < it.width) for (const each of below) shift(each, (it.width - across) / 2, placed, children);
    it.x = left + own / 2;
    return own;
  };
  const wide = layOut(root, MARGIN);
  return placeBeside(placed, layers, MARGIN + wide);
}

/** Which nodes stand below which: of several that rest on one, the first. */
function ownersOf(
  root: string,
  placed: ReadonlyMap<string, Placed>,
  layers: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, readonly string[]>();
  const taken = new Set<string>([root]);
  const own = (id: string): void => {
    const next = (layers.get(id) ?? 0) + 1;
    const supports = placed.get(id)?.node.supportedBy ?? [];
    const below = [...new Set(supports)].filter((each) => !taken.has(each) && layers.get(each) === next);
    for (const each of below) taken.add(each);
    children.set(id, below);
    for (const each of below) own(each);
  };
  own(root);
  return children;
}

function shift(
  id: string,
  by: number,
  placed: ReadonlyMap<string, Placed>,
  children: ReadonlyMap<string, readonly string[]>,
): void {
  const it = placed.get(id);
  if (it) it.x += by;
  for (const below of children.get(id) ?? []) shift(below, by, placed, children);
}

/** Contexts stand to the right of everything. */
function placeBeside(placed: ReadonlyMap<string, Placed>, layers: ReadonlyMap<string, number>, right: number): number {
  let edge = right;
  for (const id of layers.keys()) {
    for (const beside of placed.get(id)?.node.inContextOf ?? []) {
      const it = placed.get(beside);
      if (!it || !Number.isNaN(it.x)) continue;
      it.x = right + GAP_X * 2 + it.width / 2;
      edge = Math.max(edge, it.x + it.width / 2);
    }
  }
  return edge;
}

function edge(from: Placed, to: Placed | undefined, kind: 'supported' | 'context'): string[] {
  if (!to || Number.isNaN(to.x)) return [];
  if (kind === 'context') {
    const y = to.y + to.height / 2;
    const [x1, y1] = [from.x + from.width / 2, from.y + from.height / 2];
    return [line(x1, y1, to.x - to.width / 2, y, 'c')];
  }
  return [line(from.x, from.y + from.height, to.x, to.y, 's')];
}

const line = (x1: number, y1: number, x2: number, y2: number, marker: 's' | 'c'): string =>
  `<line x1="${fix(x1)}" y1="${fix(y1)}" x2="${fix(x2)}" y2="${fix(y2)}" stroke="#39424e" marker-end="url(#${marker})"/>`;

function shape(it: Placed): string {
  const { node, x, y, width, height } = it;
  const left = x - width / 2;
  const paint = `fill="${node.state === 'fails' ? '#fbeaea' : '#fff'}" stroke="${node.state === 'fails' ? '#8a1c1c' : '#1c2024'}" stroke-width="${node.state === 'fails' ? 2 : 1.2}"`;
  return `<g>${outline(node.kind, left, y, width, height, paint)}${textOf(it)}</g>`;
}

function outline(kind: NodeKind, left: number, top: number, width: number, height: number, paint: string): string {
  const [cx, cy] = [fix(left + width / 2), fix(top + height / 2)];
  const box = `x="${fix(left)}" y="${fix(top)}" width="${fix(width)}" height="${fix(height)}"`;
  switch (kind) {
    case 'goal':
      return `<rect ${box} ${paint}/>`;
    case 'strategy': {
      const slant = 14;
      const points = [
        [left + slant, top],
        [left + width, top],
        [left + width - slant, top + height],
        [left, top + height],
      ];
      return `<polygon points="${points.map(([px = 0, py = 0]) => `${fix(px)},${fix(py)}`).join(' ')}" ${paint}/>`;
    }
    case 'solution':
      return `<circle cx="${cx}" cy="${cy}" r="${fix(width / 2)}" ${paint}/>`;
    case 'context':
      return `<rect ${box} rx="${fix(Math.min(height / 2, 18))}" ${paint}/>`;
    case 'assumption':
      return `<ellipse cx="${cx}" cy="${cy}" rx="${fix(width / 2)}" ry="${fix(height / 2)}" ${paint}/>`;
  }
}

function textOf({ node, lines, x, y, height }: Placed): string {
  const first = y + (height - lines.length * LINE_HEIGHT) / 2 + LINE_HEIGHT * 0.75;
  const spans = lines.map((text, at) => {
    const weight = at === 0 ? ' font-weight="700"' : '';
    return `<tspan x="${fix(x)}" y="${fix(first + at * LINE_HEIGHT)}"${weight}>${escapeXml(text)}</tspan>`;
  });
  const colour = node.state === 'fails' ? '#8a1c1c' : '#1c2024';
  return `<text text-anchor="middle" fill="${colour}">${spans.join('')}</text>`;
}

function wrap(text: string, perLine: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(/\s+/).flatMap((each) => each.match(new RegExp(`.{1,${perLine}}`, 'gu')) ?? [])) {
    if (current !== '' && current.length + 1 + word.length > perLine) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  if (current !== '') lines.push(current);
  return lines;
}

const fix = (value: number): string => String(Math.round(value * 10) / 10);
