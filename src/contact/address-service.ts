/** Whether something can be sent where somebody says, looked at before it is kept and not when it is due. */
import { ok, type Result, refuse } from '../lib/result.ts';
import { isPublicChannel, readAddress } from './address.ts';
import { readPublicKey } from './encryption.ts';

export type AddressTrouble = 'no-such-address' | 'no-public-key' | 'key-without-mail' | 'public-needs-a-person';

export async function checkAddress({
  address,
  publicKey,
  mayBePublic = false,
}: {
  readonly address: string;
  readonly publicKey?: string | undefined;
  readonly mayBePublic?: boolean | undefined;
}): Promise<Result<undefined, AddressTrouble>> {
  const to = readAddress(address);
  if (!to) return refuse('no-such-address');
  if (publicKey !== undefined) {
    if (to.channel !== 'smtp') return refuse('key-without-mail');
    if (!(await readPublicKey(publicKey)).ok) return refuse('no-public-key');
  }
  return isPublicChannel(to.channel) && !mayBePublic ? refuse('public-needs-a-person') : ok(undefined);
}
