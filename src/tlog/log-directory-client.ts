/**
 * The public files of our own log: written so that a reader, or a crash at any moment, never meets half a file, and a
 * checkpoint never stands before its tiles. What is written here can always be written again from the database.
 */
import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listFiles } from './log-reader-client.ts';
import { CHECKPOINT_PATH, parseTilePath, TILE_FOLDER, TILE_WIDTH, type Tile, tilePath } from './tile.ts';

export interface LogFile {
  /** Relative to the log's directory; `../` is the folder of its keys. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** Files written and synced side by side. */
const PARALLEL_WRITES = 16;

export function createLogDirectory({ home, directory }: { readonly home: string; readonly directory: string }) {
  // Outside public/: a file that is being written must not be readable by anyone.
  const staging = join(home, 'log-staging');

  async function writeOne({ path, bytes }: LogFile): Promise<string | undefined> {
    const target = join(directory, path);
    const existing = await readFile(target).catch(absent);
    if (existing && Buffer.compare(existing, bytes) === 0) return undefined;
    const temporary = join(staging, randomBytes(12).toString('hex'));
    const handle = await open(temporary, 'wx', FILE_MODE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const folder = dirname(target);
    const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    await rename(temporary, target);
    // A folder just made is itself an entry of the one above it.
    for (let above = folder; made && above.length >= dirname(made).length; above = dirname(above))
      await syncFolder(above);
    return folder;
  }

  return {
    directory,

    /** Removes what a killed writer left behind. Only for the holder of the log's lock. */
    async prepare(): Promise<void> {
      await rm(staging, { recursive: true, force: true });
      await mkdir(staging, { recursive: true, mode: 0o700 });
      await mkdir(directory, { recursive: true, mode: FOLDER_MODE });
    },

    /** All files are durable when this returns; equal ones are left alone. Returns how many were written. */
    async write(files: readonly LogFile[]): Promise<number> {
      const folders = new Set<string>();
      let written = 0;
      for (let from = 0; from < files.length; from += PARALLEL_WRITES) {
        const batch = files.slice(from, from + PARALLEL_WRITES);
        for (const folder of await Promise.all(batch.map(writeOne))) {
          if (folder === undefined) continue;
          written += 1;
          folders.add(folder);
        }
      }
      await Promise.all([...folders].map(syncFolder));
      return written;
    },

    has: (path: string): Promise<boolean> =>
      access(join(directory, path)).then(
        () => true,
        () => false,
      ),

    readCheckpoint: (): Promise<Uint8Array | undefined> => readFile(join(directory, CHECKPOINT_PATH)).catch(absent),

    /** Drops the partial files of tiles that are full and published. */
    async removePartials(tiles: readonly Tile[]): Promise<void> {
      for (const tile of tiles) {
        if (tile.width === TILE_WIDTH)
          await rm(join(directory, `${tilePath(tile)}.p`), { recursive: true, force: true });
      }
    },

    /** Drops every file below `tile/` that is not one of `expected`. */
    async removeOthers(expected: ReadonlySet<string>): Promise<void> {
      for (const path of await listFiles(join(directory, TILE_FOLDER), `${TILE_FOLDER}/`)) {
        if (!expected.has(path) || !parseTilePath(path)) await rm(join(directory, path), { force: true });
      }
    },
  };
}

export type LogDirectory = ReturnType<typeof createLogDirectory>;

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
