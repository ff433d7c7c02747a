/** Releases in the npm registry: the package document, asked for only if it changed. No login is sent. */
import type { Egress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SourceAnswer, SourceRefusal, Validator } from './release.ts';
import { isVersion } from './release.ts';
import { askSource } from './source-client.ts';

const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8';

export interface NpmPlace {
  readonly registry: string;
  /** `@scope` to registry. */
  readonly scopes: Readonly<Record<string, string>>;
}

export async function askNpm(
  egress: Pick<Egress, 'request'>,
  { registry, scopes }: NpmPlace,
  name: string,
  validator: Validator,
): Promise<Result<SourceAnswer, SourceRefusal>> {
  const scope = name.startsWith('@') ? name.split('/')[0] : undefined;
  const place = (scope && scopes[scope]) || registry;
  const url = `${place.replace(/\/*$/, '')}/${name.replace('/', '%2f')}`;
  const answer = await askSource(egress, { url, accept: ABBREVIATED, validator });
  if (!answer.ok || !answer.value.changed) return answer.ok ? ok({ changed: false }) : answer;
  const versions = readVersions(answer.value.body, name);
  if (!versions) return refuse({ kind: 'garbled', reason: 'the answer is no document of this package' });
  const releases = versions.map((version) => ({ source: 'npm' as const, version, label: version }));
  return ok({ changed: true, releases, validator: answer.value.validator });
}

function readVersions(body: Buffer, name: string): readonly string[] | undefined {
  try {
    const document: unknown = JSON.parse(body.toString('utf8'));
    if (typeof document !== 'object' || document === null) return undefined;
    const { name: own, versions } = document as { readonly name?: unknown; readonly versions?: unknown };
    if (own !== name || typeof versions !== 'object' || versions === null) return undefined;
    return Object.keys(versions).filter(isVersion);
  } catch {
    return undefined;
  }
}
