import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetText, covers, readAsset } from './asset.ts';

const CANONICAL: readonly (readonly [string, string])[] = [
  ['pkg:npm/left-pad@1.3.0', 'pkg:npm/left-pad'],
  ['pkg:npm/%40scope/name', 'pkg:npm/@scope/name'],
  ['pkg:npm/JSONStream', 'pkg:npm/JSONStream'],
  ['repo:GitHub.com/Owner/Name.git', 'repo:github.com/owner/name'],
  ['host:EXAMPLE.org.', 'host:example.org'],
  ['host:*.Example.org', 'host:*.example.org'],
  ['host:bücher.example', 'host:xn--bcher-kva.example'],
  ['host:ｅxample.org', 'host:example.org'],
  ['cidr:192.0.2.77/24', 'cidr:192.0.2.0/24'],
  ['cidr:192.0.2.7', 'cidr:192.0.2.7/32'],
  ['cidr:::ffff:192.0.2.7/120', 'cidr:192.0.2.0/24'],
  ['cidr:2001:DB8::1/32', 'cidr:2001:db8:0:0:0:0:0:0/32'],
  ['cloud:aws/123456789012', 'cloud:aws/123456789012'],
];

for (const [written, canonical] of CANONICAL) {
  test(`${written} is ${canonical}`, () => {
    const asset = readAsset(written);
    assert.ok(asset.ok);
    assert.equal(assetText(asset.value), canonical);
    const again = readAsset(canonical);
    assert.deepEqual(again, asset, 'the canonical text reads as the same asset');
  });
}

const REFUSED = [
  ...['', 'example.org', 'host:', 'host:localhost', 'host:127.0.0.1', 'host:2130706433', 'host:0x7f.1', 'host:[::1]'],
  ...['host:user@example.org', 'host:example.org/path', 'host:example.org:443', 'host:exa mple.org', 'host:*.org/'],
  ...['host:https://example.org', 'host:*.*.example.org', 'host:-x.example', 'host:a..example'],
  ...['cidr:10.0.0.0/7', 'cidr:0.0.0.0/0', 'cidr:192.0.2.0/33', 'cidr:0300.0.2.0/24', 'cidr:1.2.3/24', 'cidr:::/0'],
  ...['repo:github.com/owner', 'repo:github.com/owner/name/x', 'repo:github.com/../name', 'repo:/owner/name'],
  ...['cloud:aws', 'cloud:aws/../x', 'pkg:npm', 'pkg:', 'mail:x@example.org', `host:${'a'.repeat(600)}.org`],
];

for (const text of REFUSED) {
  test(`"${text.slice(0, 40)}" is no asset`, () => assert.equal(readAsset(text).ok, false));
}

const held = (text: string) => {
  const asset = readAsset(text);
  assert.ok(asset.ok, text);
  return asset.value;
};

const COVERED: readonly (readonly [string, string])[] = [
  ['pkg:npm/left-pad', 'pkg:npm/left-pad@1.3.0'],
  ['host:*.example.org', 'host:api.example.org'],
  ['host:*.example.org', 'host:a.b.EXAMPLE.org'],
  ['cidr:192.0.2.0/24', 'cidr:192.0.2.9'],
  ['cidr:192.0.2.0/24', 'cidr:::ffff:192.0.2.9'],
  ['cidr:2001:db8::/32', 'cidr:2001:db8:1::/48'],
  ['repo:github.com/owner/name', 'repo:GITHUB.com/owner/NAME'],
];

for (const [asset, target] of COVERED) {
  test(`${asset} takes in ${target}`, () => assert.equal(covers(held(asset), held(target)), true));
}

const OUTSIDE: readonly (readonly [string, string])[] = [
  ['pkg:npm/left-pad', 'pkg:npm/left-pad2'],
  ['pkg:npm/left-pad', 'pkg:npm/1eft-pad'],
  ['pkg:npm/left-pad', 'pkg:pypi/left-pad'],
  ['pkg:npm/jsonstream', 'pkg:npm/JSONStream'],
  ['pkg:npm/@scope/name', 'pkg:npm/name'],
  ['host:example.org', 'host:api.example.org'],
  ['host:*.example.org', 'host:example.org'],
  ['host:*.example.org', 'host:evilexample.org'],
  ['host:example.org', 'host:еxample.org'],
  ['host:example.org', 'host:example.org.evil.example'],
  ['host:example.org', 'cidr:192.0.2.1'],
  ['cidr:192.0.2.0/24', 'cidr:192.0.3.0/24'],
  ['cidr:192.0.2.0/24', 'cidr:192.0.0.0/16'],
  ['cidr:192.0.2.0/24', 'cidr:2001:db8::1'],
  ['repo:github.com/owner/name', 'repo:gitlab.com/owner/name'],
  ['cloud:aws/1', 'cloud:gcp/1'],
];

for (const [asset, target] of OUTSIDE) {
  test(`${asset} does not take in ${target}`, () => assert.equal(covers(held(asset), held(target)), false));
}
