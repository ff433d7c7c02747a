/** `case clock`: whether the clock that deadlines obey is believed, and a person's word that it is right. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { toZoned } from '../lib/zoned-time.ts';
import type { Hold, Timekeeping } from '../timekeeping/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ClockCommandParts {
  readonly terminal: Terminal;
  readonly timekeeping: () => Promise<Pick<Timekeeping, 'holds' | 'free' | 'look'>>;
}

const REASONS: Readonly<Record<Hold['why'], string>> = {
  jump: 'it moved otherwise than time did',
  'went-back': 'it shows an instant before one that was seen on it',
  disagrees: 'it is further from this machine’s clock than such a clock may be wrong',
};

export function addClock(cases: Command, { terminal, timekeeping }: ClockCommandParts): void {
  cases
    .command('clock')
    .description('the database’s clock, which every deadline obeys; while it is doubted nothing is released')
    .option('--free', 'you have looked at it and it is right: deadlines go on, lateness counts from now')
    .option('--yes', 'with --free')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ free, yes, json }: { free?: boolean; yes?: boolean; json?: boolean }) => {
      const time = await timekeeping();
      if (free && !yes) throw new CommandEnd('refused', '--free lets releases go on; --yes says that you looked');
      if (free) await time.free(OPERATOR);
      const { at, heldSince } = await time.look();
      const holds = await time.holds();
      if (json) {
        const shown = holds.map(({ heldAt, freedAt, ...hold }) => ({
          ...hold,
          heldAt: text(heldAt),
          freedAt: text(freedAt),
        }));
        terminal.json({ at: text(at), heldSince: text(heldSince), holds: shown });
      } else {
        terminal.say(
          `${toZoned(at, 'UTC')}, ${heldSince ? `doubted since ${toZoned(heldSince, 'UTC')}: nothing is released` : 'believed'}`,
        );
        for (const hold of holds) terminal.say(line(hold));
      }
      if (heldSince) throw new CommandEnd('failed', 'the clock is doubted; look at it, then `case clock --free --yes`');
    });
}

const line = ({ why, heldAt, offMs, freedAt, freedBy }: Hold): string =>
  `${toZoned(heldAt, 'UTC')}  ${REASONS[why]} (${(offMs / 1000).toFixed(1)} s)${freedAt ? `; believed again ${toZoned(freedAt, 'UTC')}, ${freedBy}` : ''}`;

const text = (at: Date | null): string | null => at?.toISOString() ?? null;
