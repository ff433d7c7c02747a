/**
 * A small npm registry on loopback, for tests: serves packages made of the files given, and fails in the four ways a
 * remote system fails. Not a part of the product.
 */
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** `cut` ends the connection after the whole body but before its end is marked; `twice` sends the body two times. */
export type FakeFailure = 'refuse' | 'hang' | 'cut' | 'truncate' | 'twice';

export interface FakeMember extends Partial<Header> {
  readonly name: string;
  readonly content?: string | Uint8Array;
}

export interface FakeRegistry {
  readonly address: string;
  /** Requests so far, by path. */
  readonly asked: readonly string[];
  /** `package.json` is made from `manifest`; an `archive` given replaces the one made from `files`. */
  publish(manifest: FakeManifest, files?: Readonly<Record<string, string>>, archive?: Uint8Array): Promise<void>;
  /** The next `times` requests for a path that ends so fail so. */
  fail(pathEnd: string, how: FakeFailure, times?: number): void;
  close(): Promise<void>;
}

export interface FakeManifest {
  readonly name: string;
  readonly version: string;
  readonly [member: string]: unknown;
}

/** A gzipped tar of exactly these members, names untouched. */
export async function packMembers(members: readonly FakeMember[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of members)
    tar.entry({ mtime: new Date(0), ...header }, Buffer.from(content ?? ''));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

export async function packPackage(manifest: FakeManifest, files: Readonly<Record<string, string>> = {}) {
  const all = { 'package.json': JSON.stringify(manifest), 'index.js': 'module.exports = 1;\n', ...files };
  return await packMembers(Object.entries(all).map(([name, content]) => ({ name: `package/${name}`, content })));
}

interface Failing {
  readonly pathEnd: string;
  readonly how: FakeFailure;
  times: number;
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const bodies = new Map<string, Buffer>();
  const versions = new Map<string, Map<string, object>>();
  const failures: Failing[] = [];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    asked.push(path);
    const failing = failures.find(({ pathEnd, times }) => times > 0 && path.endsWith(pathEnd));
    if (failing) failing.times -= 1;
    const body = bodies.get(path);
    if (!failing && body && request.headers['if-none-match'] === tagOf(body)) response.writeHead(304).end();
    else answer(response, body, failing?.how);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    address,
    asked,
    async publish(manifest, files, archive) {
      const { name, version } = manifest;
      const packed = archive ?? (await packPackage(manifest, files));
      const path = `/${name}/-/${version}.tgz`;
      bodies.set(path, Buffer.from(packed));
      const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`;
      const known = versions.get(name) ?? new Map<string, object>();
      versions.set(name, known);
      known.set(version, { ...manifest, dist: { tarball: new URL(path, address).href, integrity } });
      const time = Object.fromEntries(
        [...known.keys()].map((one, day) => [one, new Date(day * 86_400_000).toISOString()]),
      );
      const document = { name, 'dist-tags': { latest: version }, versions: Object.fromEntries(known), time };
      bodies.set(`/${name}`, Buffer.from(JSON.stringify(document)));
    },
    fail(pathEnd, how, times = Number.POSITIVE_INFINITY) {
      failures.unshift({ pathEnd, how, times });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const tagOf = (body: Buffer): string => `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;

function answer(response: ServerResponse, body: Buffer | undefined, how: FakeFailure | undefined): void {
  if (how === 'hang') return;
  if (how === 'refuse') {
    response.writeHead(503).end();
    return;
  }
  if (!body) {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
    return;
  }
  const caching = { 'cache-control': 'public, max-age=300', etag: tagOf(body) };
  if (how === 'cut') {
    response.writeHead(200, { ...caching, 'transfer-encoding': 'chunked' });
    response.write(body, () => response.destroy());
  } else if (how === 'truncate') {
    response.writeHead(200, { ...caching, 'content-length': body.length });
    response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  } else {
    response.writeHead(200, caching).end(how === 'twice' ? Buffer.concat([body, body]) : body);
  }
}
