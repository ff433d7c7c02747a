/**
 * A report as blocks, written out twice: as Markdown, and as one HTML file that needs nothing else: no script, no font, no
 * address. Text is text in both: nothing of it becomes markup.
 */
export type Block =
  | { readonly kind: 'heading'; readonly level: 2 | 3; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string; readonly tone?: 'warning' }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** Drawn by us; in Markdown it is a file beside. */
  | { readonly kind: 'figure'; readonly name: string; readonly svg: string; readonly caption: string };

export interface Report {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export const heading = (text: string, level: 2 | 3 = 2): Block => ({ kind: 'heading', level, text });
export const paragraph = (text: string): Block => ({ kind: 'paragraph', text });
export const warning = (text: string): Block => ({ kind: 'paragraph', text, tone: 'warning' });
export const list = (items: readonly string[]): Block => ({ kind: 'list', items });
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Block => ({
  kind: 'table',
  head,
  rows,
});

export function toMarkdown({ title, blocks }: Report): string {
  return `${[`# ${escapeMarkdown(title)}`, ...blocks.map(markdownOf)].join('\n\n')}\n`;
}

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${escapeMarkdown(block.text)}`;
    case 'paragraph':
      return block.tone === 'warning' ? `**${escapeMarkdown(block.text)}**` : escapeMarkdown(block.text);
    case 'list':
      return block.items.map((item) => `- ${escapeMarkdown(item)}`).join('\n');
    case 'table': {
      const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
      return [line(block.head), `|${block.head.map(() => '---').join('|')}|`, ...block.rows.map(line)].join('\n');
    }
    case 'figure':
      return `![${escapeMarkdown(block.caption)}](${block.name}.svg)`;
  }
}

/** One line; nothing in it is markup: no mark, no list or rule at its beginning, no address that becomes a link by itself. */
function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/\s+/g, ' ')
    .trim()
    .replaceAll('&', '&amp;')
    .replace(/[\\`*_[\]<>|#!~]/g, (mark) => `\\${mark}`)
    .replace(/^[-+=]/, (mark) => `\\${mark}`)
    .replace(/^(\d+)([.)])/, '$1\\$2')
    .replaceAll('://', '&#58;//')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}&#46;`);
}

export function toHtml({ title, blocks }: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeXml(title)}</h1>
${blocks.map(htmlOf).join('\n')}
</main>
</body>
</html>
`;
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${escapeXml(block.text)}</h${block.level}>`;
    case 'paragraph':
      return `<p${block.tone === 'warning' ? ' class="warning"' : ''}>${escapeXml(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;
    case 'table': {
      const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
        `<tr>${row.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`;
      const body = block.rows.map((row) => cells('td', row)).join('\n');
      return `<div class="table"><table><thead>${cells('th', block.head)}</thead>\n<tbody>${body}</tbody></table></div>`;
    }
    case 'figure':
      return `<figure>${block.svg}<figcaption>${escapeXml(block.caption)}</figcaption></figure>`;
  }
}

/** XML has no way to write control characters or half a surrogate pair; a mark that turns the direction hides what is written. */
const UNPRINTABLE = /(?![\t\n\r])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;
const printable = (text: string): string => text.toWellFormed().replace(UNPRINTABLE, '\ufffd');

export function escapeXml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

const STYLE = `
:root{color-scheme:light;--ink:#1c2024;--soft:#5b6570;--line:#d5dae0;--warn:#8a1c1c;--wash:#f6f7f9}
body{margin:0;background:#fff;color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1.5rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 1rem}
h2{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{font-size:1.02rem;margin:1.6rem 0 .4rem}
p,ul{max-width:46rem}
.warning{border-left:4px solid var(--warn);padding:.4rem .8rem;background:#fbf1f1;color:var(--warn);font-weight:600}
.table{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.6rem 0 1rem;font-size:.9rem}
th,td{border:1px solid var(--line);padding:.35rem .55rem;text-align:left;vertical-align:top;overflow-wrap:anywhere;min-width:4.5rem}
th{background:var(--wash);overflow-wrap:normal}
figure{margin:1rem 0;overflow-x:auto;break-inside:avoid}
figure svg{max-width:100%;height:auto}
figcaption{color:var(--soft);font-size:.85rem}
@media print{@page{size:A4;margin:16mm}body{font-size:10.5pt}main{padding:0;max-width:none}h2,h3{break-after:avoid}tr{break-inside:avoid}.table,figure{overflow:visible}}
`;
