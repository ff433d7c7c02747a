/**
 * A registry on loopback that serves packages from plain directories, `<root>/<name>/<version>/…`, for a start without
 * the npm registry and for tests. It speaks the little of the registry protocol that fetching needs; archives are made
 * the same to the byte each time.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join, relative, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';

const compress = promisify(gzip);

export interface FixtureRegistry {
  /** `http://127.0.0.1:port/`. */
  readonly url: string;
  close(): Promise<void>;
}

interface PackedVersion {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly archive: Buffer;
}

export async function startFixtureRegistry(root: string): Promise<FixtureRegistry> {
  const packages = await readPackages(root);
  const server = createServer((request, response) => answer(packages, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fixture registry has no port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  packages: ReadonlyMap<string, ReadonlyMap<string, PackedVersion>>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/').slice(1);
  const [name = '', file] = path.split('/-/');
  const versions = packages.get(name);
  const version = file && versions?.get(file.slice(name.length + 1, -'.tgz'.length));
  if (version) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(version.archive);
  } else if (versions && file === undefined) {
    const origin = `http://${request.headers.host ?? '127.0.0.1'}`;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(packument(name, versions, origin)));
  } else {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
  }
}

function packument(name: string, versions: ReadonlyMap<string, PackedVersion>, origin: string): unknown {
  const numbers = [...versions.keys()];
  return {
    name,
    'dist-tags': { latest: numbers.at(-1) },
    versions: Object.fromEntries(
      [...versions].map(([version, { manifest, archive }]) => [
        version,
        {
          ...manifest,
          dist: {
            tarball: `${origin}/${name}/-/${name}-${version}.tgz`,
            integrity: `sha512-${createHash('sha512').update(archive).digest('base64')}`,
            shasum: createHash('sha1').update(archive).digest('hex'),
          },
        },
      ]),
    ),
    time: Object.fromEntries(numbers.map((version, index) => [version, new Date(Date.UTC(2020, index)).toISOString()])),
  };
}

async function readPackages(root: string): Promise<Map<string, Map<string, PackedVersion>>> {
  const packages = new Map<string, Map<string, PackedVersion>>();
  for (const name of (await readdir(root)).sort()) {
    const versions = new Map<string, PackedVersion>();
    for (const version of (await readdir(join(root, name))).sort()) {
      const directory = join(root, name, version);
      const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Record<string, unknown>;
      versions.set(version, { manifest, archive: await packDirectory(directory) });
    }
    packages.set(name, versions);
  }
  return packages;
}

async function packDirectory(directory: string): Promise<Buffer> {
  const archive = pack();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const name = `package/${relative(directory, file).split(sep).join('/')}`;
    archive.entry({ name, mtime: new Date(0), mode: 0o644 }, await readFile(file));
  }
  archive.finalize();
  return compress(await buffer(archive));
}
