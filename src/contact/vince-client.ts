/**
 * CERT/CC's VINCE, or what is shaped like it: a report is posted as a small CSAF document to `api/vulreport/` and gets a
 * number (`VRF#…`); what became a case is listed under `api/cases/`.
 *
 * VINCE shows no reports that are still pending, so reading back can find a message but never rule it out: what is not
 * found waits for a person, who looks under "My Vulnerability Reports".
 */
import type { Egress } from '../egress/index.ts';
import type { Secret } from '../lib/secret.ts';
import { type Carrier, type Delivery, isRealMatter, type ReadBack } from './channel.ts';
import { deliveryOfRefusal, deliveryOfStatus } from './http-delivery.ts';
import { referenceLine, type VinceLetter } from './letter.ts';

export interface VinceSettings {
  /** `https://kb.cert.org/vince/comm`, without a slash at its end. */
  readonly url: string;
  readonly token: Secret;
}

export interface VinceOptions {
  readonly egress: Pick<Egress, 'request'>;
  readonly settleMs?: number;
  readonly timeoutMs?: number;
}

const SETTLE_MS = 120_000;
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 8 << 20;
/** Cases whose original report is looked at. */
const MAX_CASES = 25;
const SKEW_MS = 86_400_000;

export function createVinceClient(settings: VinceSettings, options: VinceOptions): Carrier<VinceLetter> {
  return {
    settleMs: options.settleMs ?? SETTLE_MS,
    send: async (it, letter) =>
      isRealMatter(it)
        ? await send(settings, options, letter)
        : { kind: 'declined', reason: 'a demonstration reaches no real channel' },
    readBack: (_it, letter, since) => readBack(settings, options, letter, since),
  };
}

async function send(settings: VinceSettings, options: VinceOptions, letter: VinceLetter): Promise<Delivery> {
  const answer = await options.egress.request({
    url: `${settings.url}/api/vulreport/`,
    method: 'POST',
    headers: { ...headersOf(settings), 'content-type': 'application/json' },
    body: JSON.stringify(toDocument(letter)),
    maxBodyBytes: MAX_ANSWER_BYTES,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
  if (!answer.ok) return deliveryOfRefusal(answer.refusal);
  const judged = deliveryOfStatus(answer.value);
  if (judged) return judged;
  const { vrf_id: number } = (readJson(answer.value.body) ?? {}) as { readonly vrf_id?: unknown };
  return answer.value.status === 201 && typeof number === 'string' && number !== ''
    ? { kind: 'delivered', remote: number }
    : { kind: 'unknown', reason: `answered with ${answer.value.status} and without a number for it` };
}

async function readBack(
  settings: VinceSettings,
  options: VinceOptions,
  letter: VinceLetter,
  since: Date,
): Promise<ReadBack> {
  const get = async (path: string): Promise<unknown> => {
    const answer = await options.egress.request({
      url: `${settings.url}/${path}`,
      headers: headersOf(settings),
      maxRedirects: 0,
      maxBodyBytes: MAX_ANSWER_BYTES,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    });
    return answer.ok && answer.value.status === 200 ? readJson(answer.value.body) : undefined;
  };
  const cases = await get('api/cases/');
  if (!Array.isArray(cases))
    return { kind: 'cannot-say', reason: 'the list of cases cannot be read', isForGood: false };
  const recent = cases
    .map((each: unknown) => (each ?? {}) as { readonly vuid?: unknown; readonly created?: unknown })
    .filter(({ created }) => Date.parse(String(created)) >= since.getTime() - SKEW_MS);
  for (const { vuid } of recent.slice(0, MAX_CASES)) {
    if (!/^\d{1,12}$/.test(String(vuid))) continue;
    const report = await get(`api/case/report/${vuid}/`);
    if (JSON.stringify(report ?? null).includes(letter.marker)) return { kind: 'there', remote: `VU#${vuid}` };
  }
  return { kind: 'cannot-say', reason: 'it is no case yet, and pending reports are not shown', isForGood: true };
}

const headersOf = ({ token }: VinceSettings) => ({
  authorization: `Token ${token.reveal()}`,
  accept: 'application/json',
});

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function toDocument({ marker, vendor, reporter, content }: VinceLetter) {
  const { name = 'unknown', version = 'unknown' } = content.package ?? {};
  return {
    document: { publisher: { name: reporter.name, namespace: `mailto:${reporter.address}` } },
    product_tree: {
      branches: [
        {
          category: 'vendor',
          name: vendor,
          branches: [{ category: 'product_name', name, branches: [{ category: 'product_version', name: version }] }],
        },
      ],
    },
    vulnerabilities: [
      {
        title: content.subject,
        ...(content.cwe !== undefined && { cwe: { id: content.cwe } }),
        notes: [
          { category: 'description', text: `${content.text}\n\n${referenceLine(marker)}` },
          {
            title: 'Vulnerability Discovery Method',
            text: 'Automated search; reproduced in a sandbox; see description.',
          },
        ],
        threats: [{ category: 'impact', details: content.subject }],
        involvements: [{ status: 'not_contacted', summary: 'The vendor is reached through you.' }],
      },
    ],
    x_extensions: [{ content: { share_contact_with_vendor: true, Tracking_IDs: marker } }],
  };
}
