/** What a gateway asks its authority on every call, in a process of its own: one answer a message. */
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { keyPepper } from '../../src/membership/index.ts';
import { findGrant, openAuthority, toStopAttributes } from '../../src/program/index.ts';
import { createVault } from '../../src/store/vault.ts';

const url = process.argv[2] ?? '';
const vault = createVault({ masterKey: Buffer.alloc(32, 7), random: systemRandom });
const authority = await openAuthority({
  url,
  pepper: keyPepper(vault),
  clock: systemClock,
  monotonicMs: () => performance.now(),
  onTrouble: () => {},
});

function answer(key: string): string {
  if (!authority.isFresh(performance.now())) return 'unavailable';
  const caller = authority.findCaller(key);
  if (!caller || !findGrant(caller, 'm1', new Date())) return 'refused';
  return authority.findStop(toStopAttributes(caller, 'm1', [])) ? 'stopped' : 'allowed';
}

process.on('message', (key: string) => process.send?.(answer(key)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
