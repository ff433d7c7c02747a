/** Versions of a Debian package: a `Packages` or `Sources` file of a mirror, plain or gzip, from a file or a web address. */
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Egress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type SourceAnswer, type SourceRefusal, upstreamOfDebian, type Validator } from './release.ts';
import { askSource, unpack } from './source-client.ts';

export async function askDebian(
  egress: Pick<Egress, 'request'>,
  place: { readonly index: string; readonly name: string },
  validator: Validator,
): Promise<Result<SourceAnswer, SourceRefusal>> {
  const read = isAbsolute(place.index)
    ? await fromFile(place.index)
    : await askSource(egress, { url: place.index, accept: '*/*', validator });
  if (!read.ok) return read;
  if (!read.value.changed) return ok({ changed: false });
  const versions = versionsIn(read.value.body.toString('utf8'), place.name);
  if (!versions) return refuse({ kind: 'garbled', reason: 'it is no Packages or Sources file' });
  const releases = versions.flatMap((label) => {
    const version = upstreamOfDebian(label);
    return version === undefined ? [] : [{ source: 'debian' as const, version, label }];
  });
  return ok({ changed: true, releases, validator: read.value.validator });
}

async function fromFile(path: string) {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes) return refuse<SourceRefusal>({ kind: 'not-found', reason: 'the index file cannot be read' });
  const unpacked = unpack(bytes);
  return unpacked.ok ? ok({ changed: true as const, body: unpacked.value, validator: {} }) : unpacked;
}

/** Paragraphs of `Field: value`, an empty line between (Debian policy 5.1). Undefined where there is none with a version. */
export function versionsIn(index: string, name: string): readonly string[] | undefined {
  const versions: string[] = [];
  let isIndex = false;
  for (const paragraph of index.split(/\n\n+/)) {
    const version = /^Version: (\S+)$/m.exec(paragraph)?.[1];
    const own = /^Package: (\S+)$/m.exec(paragraph)?.[1];
    if (!version || !own) continue;
    isIndex = true;
    if (own === name) versions.push(version);
  }
  return isIndex ? [...new Set(versions)] : undefined;
}
