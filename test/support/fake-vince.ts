/** As much of VINCE as a reporter meets: reports are taken and stay out of sight until a coordinator opens a case. */
import { type Asked, type FaultyServerOptions, type Reply, startFaultyServer } from './faulty-server.ts';

export const VINCE_TOKEN = 'marker-of-the-token';

interface FakeReport {
  readonly number: number;
  readonly document: unknown;
  readonly createdAt: string;
  isCase: boolean;
}

export async function startFakeVince(options: Omit<FaultyServerOptions, 'act'> = {}) {
  const reports: FakeReport[] = [];
  const server = await startFaultyServer({ ...options, act: (asked) => answer(asked, reports) });
  return { ...server, url: `${server.origin}/vince/comm`, reports };
}

function answer(asked: Asked, reports: FakeReport[]): Reply {
  if (asked.headers.authorization !== `Token ${VINCE_TOKEN}`)
    return { status: 401, json: { detail: 'Invalid token.' } };
  const path = asked.url.pathname.replace('/vince/comm/api/', '');
  if (asked.method === 'POST' && path === 'vulreport/') return take(asked, reports);
  const cases = reports.filter(({ isCase }) => isCase);
  if (path === 'cases/') {
    const list = cases.map(({ number, createdAt }) => ({ vuid: String(number), status: 'Active', created: createdAt }));
    return { status: 200, json: list };
  }
  const [, vuid] = /^case\/report\/(\d+)\/$/.exec(path) ?? [];
  const found = cases.find(({ number }) => String(number) === vuid);
  return found ? { status: 200, json: found.document } : { status: 404, json: { detail: 'Not found.' } };
}

function take(asked: Asked, reports: FakeReport[]): Reply {
  const document = JSON.parse(asked.body) as { readonly product_tree?: { readonly branches?: readonly unknown[] } };
  if (!document.product_tree?.branches?.length) {
    return { status: 400, json: { status: 'error', errors: { csaf: ['At least one vendor is required.'] } } };
  }
  const number = 100_001 + reports.length;
  reports.push({ number, document, createdAt: new Date().toISOString(), isCase: false });
  return { status: 201, json: { status: 'success', vrf_id: `VRF#26-11-${number}` } };
}
