/**
 * A provider of both protocols in a process of its own. Told a `Behaviour`, it answers with it from then on; told
 * 'tell', it says how many calls it has seen and how many it carries.
 */
import { type Behaviour, startFakeModelServer } from '../fakes/fake-model-server.ts';

const provider = await startFakeModelServer();
process.on('message', (message: Behaviour | 'tell') => {
  if (message === 'tell') {
    const cut = provider.seen.filter(({ abortedMs }) => abortedMs !== undefined).length;
    process.send?.({ seen: provider.seen.length, cut });
  } else provider.always(message);
});
process.on('disconnect', () => process.exit());
process.send?.(provider.url);
