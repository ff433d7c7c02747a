/**
 * Back in with a recovery code. A code costs 64 MiB and a tenth of a second to look at, and anybody may send one: only
 * so many are looked at at once, and past a number under way the next is refused. What it costs does not depend on
 * whether the address is somebody's, or has codes left.
 */
import type { Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database } from '../store/database.ts';
import { createRecoveryStore } from './passkey-store.ts';
import {
  CODES,
  createCode,
  type Derive,
  deriveSlowly,
  isCode,
  type KeptCode,
  keepCode,
  MAX_ATTEMPTS,
  NO_CODE,
  positionOf,
} from './recovery.ts';

/** Memory: 64 MiB each. */
export const DERIVATIONS_AT_ONCE = 2;
export const MAX_CHECKS = 32;

export type RecoveryRefusal =
  | { readonly kind: 'wrong-code' }
  | { readonly kind: 'too-many-codes'; readonly limit: number }
  | { readonly kind: 'busy' };

export interface RecoveryParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** argon2id where absent. */
  readonly derive?: Derive | undefined;
}

export function createRecovery({ database, clock, random, derive = deriveSlowly }: RecoveryParts) {
  const line = createLine(DERIVATIONS_AT_ONCE);
  let checks = 0;
  const inLine: Derive = (message, nonce) => line.run(() => derive(message, nonce));

  /** Of these persons the one whose unused code it is. As many are derived as there are persons, and one at least. */
  async function findOwner(persons: readonly string[], code: string, position: number): Promise<string | undefined> {
    let owner: { readonly person: string; readonly kept: KeptCode } | undefined;
    for (const person of persons.length === 0 ? [undefined] : persons) {
      const kept = person && (await createRecoveryStore(database).find(person, position));
      const isRight = await isCode(code, kept || NO_CODE, inLine);
      if (isRight && person && kept) owner ??= { person, kept };
    }
    if (!owner) return undefined;
    const { person, kept } = owner;
    const isFirst = await database.transaction((tx) =>
      createRecoveryStore(tx).use(person, position, kept, clock.now()),
    );
    return isFirst ? person : undefined;
  }

  return {
    /** Shown this once, in place of all older ones. */
    async replaceCodes(person: string): Promise<readonly string[]> {
      const codes = Array.from({ length: CODES }, (_, position) => createCode(position, random));
      const kept = await Promise.all(codes.map((code) => keepCode(code, random, inLine)));
      await database.transaction((tx) => createRecoveryStore(tx).replace(person, kept));
      return codes;
    },

    /** Whose code it was; it is used up. `email` counts, whether somebody has it or not. */
    async check(email: string, persons: readonly string[], code: string): Promise<Result<string, RecoveryRefusal>> {
      if (checks >= MAX_CHECKS) return refuse({ kind: 'busy' });
      checks += 1;
      try {
        const attempts = await database.transaction((tx) => createRecoveryStore(tx).attempt(email, clock.now()));
        if (attempts > MAX_ATTEMPTS) return refuse({ kind: 'too-many-codes', limit: MAX_ATTEMPTS });
        const position = positionOf(code);
        const owner = position === undefined ? undefined : await findOwner(persons, code, position);
        return owner === undefined ? refuse({ kind: 'wrong-code' }) : ok(owner);
      } finally {
        checks -= 1;
      }
    },
  };
}

/** So many at once, the others in their order. */
function createLine(atOnce: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await work();
      } finally {
        // The place goes on to the next in line.
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
