/** The frame of every server-rendered page, and how text and times are written into one. */

/** Safe as text and as an attribute in quotes. */
export function toHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** ISO 8601 in UTC to the minute; the zone is always shown. */
export function instant(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `head` and `body` are HTML already. */
export function page(head: string, body: string, title = 'Headstart'): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${toHtml(title)}</title>${head}
<style>${STYLE}</style></head>
<body><main><h1>${toHtml(title)}</h1>
${body}
</main></body></html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --dim: #777; --accent: #2b6cb0; --ok: #2f855a; --bad: #c53030; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } .facts th { width: 8rem; font-weight: 400; color: var(--dim); } .n { text-align: right; }
code { font-size: .9em; overflow-wrap: anywhere; } small, footer { color: var(--dim); } footer { margin-top: 2.5rem; font-size: .9rem; }
a { color: var(--accent); } .note { border-left: 3px solid var(--accent); padding: .3rem .8rem; margin: .6rem 0; }
.scanned { color: var(--ok); } .unavailable { color: var(--bad); }
.figures { list-style: none; display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; padding: 0; margin: 1.2rem 0; color: var(--dim); } .figures b { display: block; font-size: 1.5rem; color: CanvasText; }
.warn { border-left: 3px solid var(--bad); padding: .3rem .8rem; margin: .6rem 0; }
form { margin: 1rem 0; } label { display: block; margin: .6rem 0 .2rem; } input, select, button { font: inherit; padding: .35rem .6rem; }
fieldset { border: 0; padding: 0; margin: 0; } textarea { font: inherit; width: 100%; box-sizing: border-box; } summary { cursor: pointer; }
pre { overflow-x: auto; background: #8882; padding: .8rem; } nav { margin-bottom: 1rem; } nav form { display: inline; } [hidden] { display: none; }
`;
