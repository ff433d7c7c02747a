/** Hears at once where somebody falls short of a limit. What is missed here is told by the next exchange. */
import type pg from 'pg';
import type { OpenDatabase } from '../store/open-database.ts';
import type { LimitId } from './credit.ts';
import { WANTED_CHANNEL } from './ledger-store.ts';

const RECONNECT_MS = 1_000;

export function listenForShortages(database: OpenDatabase, onWanted: (limit: LimitId) => void) {
  let client: pg.PoolClient | undefined;
  let isStopped = false;
  let retry: NodeJS.Timeout | undefined;
  let opening = listen();

  function release(): void {
    client?.release(true);
    client = undefined;
  }

  function again(): void {
    release();
    if (isStopped) return;
    retry = setTimeout(() => {
      opening = listen();
    }, RECONNECT_MS);
  }

  async function listen(): Promise<void> {
    try {
      client = await database.pool.connect();
      client.on('notification', ({ payload }) => onWanted(payload as LimitId));
      client.once('error', again);
      await client.query(`listen ${WANTED_CHANNEL}`);
    } catch {
      again();
    }
  }

  return {
    /** When a first connection listens, or has failed to. */
    ready: opening,
    async stop(): Promise<void> {
      isStopped = true;
      clearTimeout(retry);
      await opening;
      release();
    },
  };
}
