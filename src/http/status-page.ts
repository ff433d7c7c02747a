/**
 * The status page: one server-rendered document, no script. The console comes later.
 * It shows what `CampaignStatus` holds, and that type holds nothing of a sealed case but the number.
 */
import type { CampaignStatus, DemonstrationStatus, ReleaseStatus, TargetStatus } from '../campaign/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import { instant, page, toHtml } from './page.ts';

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
${status.release ? releaseTable(status.release, campaign.summary?.release?.refusedAfterMs) : ''}
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

function releaseTable(release: ReleaseStatus, refusedAfterMs: number | undefined): string {
  const { model, stage, decided, decisionSha256, endsAt, suspendedBy, incidents } = release;
  const closed = suspendedBy.length > 0 ? ` (suspended by ${toHtml(suspendedBy.join(', '))})` : '';
  const rows = incidents.map(
    ({ id, severity, state, openedAt }) =>
      `<tr><th>Incident</th><td>${toHtml(severity)}, ${toHtml(state)}, opened ${instant(openedAt)} <small>${toHtml(id)}</small></td></tr>`,
  );
  const shown =
    refusedAfterMs === undefined
      ? ''
      : `<tr><th>Shown at start</th><td>an incident was refused at the gate after ${refusedAfterMs} ms</td></tr>`;
  return `<h2>Release</h2>
<p class="note"><strong>Demonstration.</strong> A mock provider of ours on loopback answers; its evidence is of this installation, in part simulated; one person holds all keys that signed.</p>
<table class="facts"><tbody>
<tr><th>Model</th><td><code>${toHtml(model)}</code></td></tr>
<tr><th>Stage now</th><td>${toHtml(stage)}${closed}</td></tr>
${endsAt ? `<tr><th>Ends by itself</th><td>${instant(endsAt)}: what the decision rests on ends then</td></tr>` : ''}
<tr><th>Decided</th><td>${decided ? `${toHtml(decided)} by <code>${toHtml(decisionSha256 ?? '')}</code>` : 'nothing'}. Work it out again: <code>./headstart replay ${toHtml(decisionSha256 ?? '')}</code></td></tr>
${shown}
${rows.join('\n')}
</tbody></table>`;
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
    return `<tr><td><code>${toHtml(it.target)}</code><br><small>${toHtml(it.caseId)}</small></td><td>${FLAW_CLASSES[it.flaw].title}<br><small>known as ${toHtml(it.knownAs)}</small></td><td>${toHtml(it.severity)}</td><td>${toHtml(it.state)}${it.maintainerPage ? `<br><small><a href="${toHtml(it.maintainerPage)}">what its maintainer sees</a></small>` : ''}</td><td>${documents.join(', ')}</td></tr>`;
  });
  return `<table><thead><tr><th>Target</th><th>Flaw</th><th>Severity proposed</th><th>State</th><th>Advisory</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}
