/**
 * Verifies what the entries of a log say: that each is a statement, signed by an issuer whom the log itself has named,
 * said once, and true where it can be checked (an opening against its commitment).
 *
 * A log whose first entry is no statement of ours is of another kind; its entries stay opaque, all of them.
 */
import { equalBytes } from '../lib/bytes.ts';
import { verifyEnvelope } from '../lib/dsse.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type EntryRefusal, type KeyStatement, readEntry } from './entry.ts';
import { readVerifierKey } from './note.ts';
import { createRegister, type RegisterRefusal } from './overdue.ts';

export type StatementRefusal =
  | { readonly kind: 'bad-entry'; readonly index: number; readonly because: EntryRefusal }
  | { readonly kind: 'bad-statement'; readonly index: number; readonly because: RegisterRefusal }
  | { readonly kind: 'repeated-entry'; readonly index: number; readonly id: string }
  | { readonly kind: 'not-signed-by-issuer'; readonly index: number }
  | { readonly kind: 'no-issuer'; readonly index: number };

/** The name of the key that signs a log's statements. */
export function issuerName(origin: string): string {
  return `${origin}/issuer`;
}

export function createStatementAudit(origin: string) {
  const register = createRegister();
  const ids = new Set<string>();
  let issuers: Uint8Array[] = [];
  let isOpaque = false;

  /** A first issuer vouches for itself; a later one is named by an earlier one and signs too, to show that it can. */
  function keysToAsk(statement: KeyStatement, key: Uint8Array): { trusted: Uint8Array[]; required: number } {
    const isFirst = issuers.length === 0;
    if (isFirst || statement.role !== 'issuer') return { trusted: isFirst ? [key] : issuers, required: 1 };
    return { trusted: [...issuers, key], required: 2 };
  }

  return {
    admit(body: Uint8Array, index: number): Result<void, StatementRefusal> {
      if (isOpaque) return ok(undefined);
      const entry = readEntry(body);
      if (!entry.ok && index === 0) {
        isOpaque = true;
        return ok(undefined);
      }
      if (!entry.ok) return refuse({ kind: 'bad-entry', index, because: entry.refusal });
      const { statement, envelope } = entry.value;
      if (ids.has(statement.id)) return refuse({ kind: 'repeated-entry', index, id: statement.id });
      ids.add(statement.id);

      if (statement.type === 'key') {
        const key = readVerifierKey(statement.vkey);
        if (!key.ok) return refuse({ kind: 'no-issuer', index });
        const { publicKey, name } = key.value;
        const isIssuer = statement.role === 'issuer';
        if (issuers.length === 0 && (!isIssuer || name !== issuerName(origin)))
          return refuse({ kind: 'no-issuer', index });
        const { trusted, required } = keysToAsk(statement, publicKey);
        if (!verifyEnvelope(envelope, trusted, required).ok) return refuse({ kind: 'not-signed-by-issuer', index });
        if (isIssuer && !issuers.some((known) => equalBytes(known, publicKey))) issuers = [...issuers, publicKey];
        return ok(undefined);
      }
      if (issuers.length === 0) return refuse({ kind: 'no-issuer', index });
      if (!verifyEnvelope(envelope, issuers, 1).ok) return refuse({ kind: 'not-signed-by-issuer', index });
      const admitted = register.admit(statement, index);
      return admitted.ok ? ok(undefined) : refuse({ kind: 'bad-statement', index, because: admitted.refusal });
    },
    count: () => ids.size,
    commitments: register.commitments,
  };
}
