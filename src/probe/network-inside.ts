/**
 * The network interfaces as a target is told them: loopback alone. Asking the kernel needs a kind of socket that the
 * sandbox refuses, and a package that asks while it loads would not load.
 */
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

/** What it returns says whether the target asked. */
export function standInForNetwork(): () => boolean {
  let isAsked = false;
  os.networkInterfaces = () => {
    isAsked = true;
    return {
      lo: [
        {
          address: '127.0.0.1',
          netmask: '255.0.0.0',
          family: 'IPv4',
          mac: '00:00:00:00:00:00',
          internal: true,
          cidr: '127.0.0.1/8',
        },
      ],
    };
  };
  syncBuiltinESMExports();
  return () => isAsked;
}
