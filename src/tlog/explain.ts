/** Says in a sentence why a log, a proof or an opening was refused, and where. One place, exhaustive. */
import type { AuditRefusal } from './audit.ts';
import type { OpeningRefusal } from './commitment.ts';
import type { EntryRefusal } from './entry.ts';
import type { RegisterRefusal } from './overdue.ts';
import type { ProofRefusal } from './proof.ts';
import type { ProveRefusal } from './prove.ts';
import type { TrustRefusal } from './verification-service.ts';

export type AnyRefusal =
  | AuditRefusal
  | ProofRefusal
  | ProveRefusal
  | OpeningRefusal
  | EntryRefusal
  | RegisterRefusal
  | TrustRefusal;

type Explanations = {
  readonly [Kind in AnyRefusal['kind']]: (refusal: Extract<AnyRefusal, { readonly kind: Kind }>) => string;
};

const EXPLANATIONS: Explanations = {
  'no-log': ({ target }) => `there is no log at ${target}`,
  'no-key': ({ target }) => `no key to trust: give --key or --policy, or put log.pub beside ${target}`,
  'unreadable-policy': ({ path }) => `the policy ${path} cannot be read`,
  'unreadable-key': ({ source }) => `${source} holds no vkey of a log`,
  'key-changed': ({ origin, known, given }) =>
    `the log ${origin} was signed by ${known} when it was seen first and now claims ${given}`,
  'no-checkpoint': () => 'there is no checkpoint',
  'malformed-note': ({ why }) => `the checkpoint is no signed note: ${why}`,
  'malformed-key': ({ why }) => `malformed key: ${why}`,
  'malformed-checkpoint': ({ why }) => `malformed checkpoint: ${why}`,
  'bad-signature': ({ name }) => `the signature of ${name} on the checkpoint is wrong`,
  'unknown-signer': ({ names, expected }) =>
    `the checkpoint is signed by ${names.join(', ') || 'nobody'}, not by a trusted log (${expected.join(', ') || 'none given'})`,
  'foreign-origin': ({ origin, signer }) => `the checkpoint is of ${origin} but signed by the key of ${signer}`,
  'malformed-policy': ({ line, why }) => `the witness policy is malformed in line ${line}: ${why}`,
  'no-quorum': ({ quorum, cosigned }) =>
    `the quorum ${quorum} is not met: valid cosignatures of ${cosigned.join(', ') || 'no witness'}`,
  rollback: ({ size, known }) => `the log has ${size} entries, but ${known} were seen before: an old state is shown`,
  fork: ({ size }) => `the first ${size} entries are not those seen before: the log was rewritten or shows two faces`,
  'missing-file': ({ path }) => `${path} is missing`,
  'wrong-length': ({ path, bytes }) => `${path} has ${bytes} bytes, which is not its width in hashes`,
  'wrong-hash': ({ path, position }) => `hash ${position} of ${path} is not the hash of what it stands for`,
  'wrong-file': ({ path, why }) => `${path} is wrong: ${why}`,
  'unexpected-file': ({ path }) => `${path} is no file of a log`,
  'stale-checkpoint': ({ size, path }) =>
    `${path} lies beyond the checkpoint of ${size} entries: an old checkpoint, or a publication that was cut off`,
  'wrong-root': ({ ...roots }) =>
    'signed' in roots
      ? `the entries make the root ${roots.computed}, signed is ${roots.signed}`
      : `the opening does not belong to the commitment ${roots.committed}`,
  'bad-entry': ({ index, because }) => `entry ${index} is no statement: ${explain(because)}`,
  'bad-statement': ({ index, because }) => `entry ${index} says what cannot be: ${explain(because)}`,
  'repeated-entry': ({ index, id }) => `entry ${index} repeats ${id}`,
  'not-signed-by-issuer': ({ index }) => `entry ${index} is not signed by the log's issuer`,
  'no-issuer': ({ index }) => `entry ${index} comes before any issuer's key, or names none`,
  'no-such-entry': ({ index, size }) => `there is no entry ${index} in a log of ${size}`,
  'no-entry-named': ({ entry }) => `no entry of the log is named ${entry}`,
  'malformed-proof': ({ why }) => `malformed proof: ${why}`,
  'not-included': ({ index, size }) => `the proof does not lead from entry ${index} to the root of ${size} entries`,
  'malformed-envelope': ({ why }) => `malformed envelope: ${why}`,
  'too-few-signatures': ({ valid, required }) => `${valid} valid signatures, ${required} are needed`,
  'unknown-payload-type': ({ payloadType }) => `the payload is of type ${payloadType}`,
  'malformed-statement': ({ why }) => `malformed statement: ${why}`,
  'entry-too-long': ({ bytes, limit }) => `${bytes} bytes; an entry has at most ${limit}`,
  'unknown-schema': ({ schema }) => `there is no template ${schema}`,
  'missing-field': ({ name }) => `the field ${name} is missing`,
  'unknown-field': ({ name }) => `the template has no field ${name}`,
  'malformed-field': ({ name, expected }) => `the field ${name} is not ${expected}`,
  'malformed-opening': ({ why }) => `malformed opening: ${why}`,
  'commitment-repeated': ({ commitment }) => `${commitment} is sealed twice`,
  'no-such-commitment': ({ commitment }) => `${commitment} was never sealed`,
  'commitment-ended': ({ commitment, state }) => `${commitment} is ${state} already`,
  'not-later': ({ commitment, openedBy }) => `${openedBy} is not later than the day ${commitment} is promised for`,
};

export function explain(refusal: AnyRefusal): string {
  const sentence = EXPLANATIONS[refusal.kind] as (refusal: AnyRefusal) => string;
  return sentence(refusal);
}
