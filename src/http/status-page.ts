/**
 * The status page: one server-rendered document, no script. The console comes later.
 * It shows what `CampaignStatus` holds, and that type holds nothing of a sealed case but the number.
 */
import type { CampaignStatus, DemonstrationStatus, TargetStatus } from '../campaign/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';

export function renderStatusPage(status: CampaignStatus | undefined, links: { readonly publicUrl: string }): string {
  if (!status) return page('', '<p>No campaign has run on this data directory yet.</p>');
  const { campaign } = status;
  const running = campaign.finishedAt === undefined;
  const demonstration = campaign.kind === 'demonstration';
  return page(
    running ? '<meta http-equiv="refresh" content="2">' : '',
    `${demonstration ? '<p class="note"><strong>Demonstration.</strong> Maintainers’ answers are simulated and time is compressed, only for flaws that are public already by the advisory named. No real channel accepts these cases.</p>' : ''}
${status.onePerson ? '<p class="note"><strong>One person</strong> holds both release keys of this installation.</p>' : ''}
${figures(status)}
<h2>Targets</h2>
<table><thead><tr><th>Target</th><th>State</th><th class="n">CPU</th></tr></thead><tbody>
${status.targets.map(targetRow).join('\n')}
</tbody></table>
<h2>Cases</h2>
${status.demonstrations.length === 0 ? '<p>None yet.</p>' : caseTable(status.demonstrations, links.publicUrl)}
<p class="sealed"><strong>${status.sealedCases}</strong> further ${status.sealedCases === 1 ? 'case is' : 'cases are'} sealed under embargo with real clocks. Nothing of them is shown before release.</p>
<h2>Public log</h2>
<table class="facts"><tbody>
<tr><th>Origin</th><td><code>${toHtml(status.log.origin)}</code></td></tr>
<tr><th>Entries</th><td>${status.log.size}</td></tr>
<tr><th>Root</th><td><code>${toHtml(status.log.root)}</code></td></tr>
<tr><th>Files</th><td><a href="${toHtml(links.publicUrl)}/log/checkpoint">checkpoint</a>, <a href="${toHtml(links.publicUrl)}/log.pub">key</a>, <a href="${toHtml(links.publicUrl)}/feed.json">feed</a>. Check them offline: <code>./headstart log verify ${toHtml(links.publicUrl)}/log</code></td></tr>
</tbody></table>
<footer>Sandbox profile ${campaign.sandboxProfile}. Started ${instant(campaign.startedAt)}${campaign.finishedAt ? `, finished ${instant(campaign.finishedAt)}` : ', running'}. Page of ${instant(status.generatedAt)}.</footer>`,
  );
}

function figures(status: CampaignStatus): string {
  const { summary } = status.campaign;
  const done = status.targets.filter((target) => target.state !== 'waiting').length;
  const cells: [string, string][] = [
    [`${done} / ${status.targets.length}`, 'targets examined'],
    [String(summary?.confirmed ?? status.demonstrations.length + status.sealedCases), 'flaws confirmed'],
    [summary ? String(summary.patchesVerified) : '…', 'patches verified'],
    [String(status.demonstrations.filter((it) => it.documents.length > 0).length), 'advisories published'],
    [summary ? (summary.logVerified ? 'yes' : 'NO') : '…', 'log verified'],
  ];
  return `<ul class="figures">${cells.map(([value, name]) => `<li><b>${toHtml(value)}</b>${name}</li>`).join('')}</ul>`;
}

function targetRow(target: TargetStatus): string {
  const state = target.state === 'unavailable' ? `unavailable: ${target.reason ?? ''}` : target.state;
  const cpu = target.cpuMs === undefined ? '' : `${(target.cpuMs / 1000).toFixed(1)} s`;
  return `<tr><td><code>${toHtml(target.target)}</code></td><td class="${target.state}">${toHtml(state)}</td><td class="n">${cpu}</td></tr>`;
}

function caseTable(cases: readonly DemonstrationStatus[], publicUrl: string): string {
  const rows = cases.map((it) => {
    const documents = it.documents.map(
      (path) => `<a href="${toHtml(publicUrl)}/${toHtml(path)}">${toHtml(path.split('/').at(-2) ?? path)}</a>`,
    );
    return `<tr><td><code>${toHtml(it.target)}</code><br><small>${toHtml(it.caseId)}</small></td><td>${FLAW_CLASSES[it.flaw].title}<br><small>known as ${toHtml(it.knownAs)}</small></td><td>${toHtml(it.severity)}</td><td>${toHtml(it.state)}</td><td>${documents.join(', ')}</td></tr>`;
  });
  return `<table><thead><tr><th>Target</th><th>Flaw</th><th>Severity proposed</th><th>State</th><th>Advisory</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}

/** ISO 8601 in UTC to the minute; the zone is always shown. */
function instant(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function toHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function page(head: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headstart</title>${head}
<style>${STYLE}</style></head>
<body><main><h1>Headstart</h1>
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
`;
