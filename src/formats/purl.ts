/**
 * Package URLs, by packageurl-js held to what the specification asks of every type.
 *
 * packageurl-js knows 23 types; for the younger ones (bazel, brew, chrome-extension, cpan, julia, otp, …) it applies
 * only the common rules. `test/conformance/purl.test.ts` counts the cases where it differs. The specification lowers the
 * case of npm names, but `JSONStream` and `jsonstream` are two packages: `nameAsWritten` gives the name itself.
 */
import { PackageURL } from 'packageurl-js';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface Purl {
  readonly type: string;
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  readonly qualifiers?: Readonly<Record<string, string>>;
  readonly subpath?: string;
}

export interface PurlRefusal {
  readonly kind: 'bad-purl';
  readonly text: string;
  readonly reason: string;
}

/** Longest purl read, characters. */
const MAX_PURL = 4_096;

export function readPurl(text: string): Result<Purl, PurlRefusal> {
  if (text.length > MAX_PURL)
    return refuse({ kind: 'bad-purl', text: text.slice(0, 100), reason: 'longer than 4,096' });
  try {
    const { type, namespace, name, version, qualifiers, subpath } = PackageURL.fromString(text);
    if (!type || !name) return refuse({ kind: 'bad-purl', text, reason: 'type or name is missing' });
    return ok({
      type,
      name,
      ...(namespace && { namespace }),
      ...(version && { version }),
      ...(qualifiers && { qualifiers: { ...qualifiers } }),
      ...(subpath && { subpath }),
    });
  } catch (cause) {
    return refuse({ kind: 'bad-purl', text, reason: cause instanceof Error ? cause.message : 'not a package URL' });
  }
}

/** Canonical text. Throws where the parts cannot make a purl. */
export function toPurl(purl: Purl): string {
  const { type, namespace, name, version, qualifiers, subpath } = purl;
  return new PackageURL(type, namespace, name, version, qualifiers && { ...qualifiers }, subpath).toString();
}

/** The package the purl names, whatever the version: `pkg:npm/%40scope/name`. */
export function withoutVersion(purl: Purl): Purl {
  const { version: _version, qualifiers: _qualifiers, subpath: _subpath, ...rest } = purl;
  return rest;
}

/** The name as its own ecosystem writes it: `@scope/name` for npm. */
export function packageName({ namespace, name }: Purl): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The package's name in the case it was written in, for registries whose old names tell case apart. */
export function nameAsWritten(text: string): string | undefined {
  const path = /^pkg:[^/]+\/+([^@?#]*(?:@[^@?#/]+\/[^@?#]*)?)/.exec(text)?.[1];
  try {
    return path && decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
