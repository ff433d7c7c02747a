/**
 * Trust policies: which logs are believed, and how many of which witnesses must have cosigned.
 * https://c2sp.org/tlog-policy
 *
 *     log <vkey> [url]
 *     witness <name> <vkey> [url]
 *     group <name> all|any|<k> <member>…
 *     quorum <name>|none
 */
import { equalBytes } from '../lib/bytes.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Cosignature, findCosignature } from './cosignature.ts';
import { COSIGNATURE_V1, ED25519, formatVerifierKey, type Note, readVerifierKey, type VerifierKey } from './note.ts';

export interface WitnessPolicy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: ReadonlyMap<string, VerifierKey>;
  readonly groups: ReadonlyMap<string, { readonly threshold: number; readonly members: readonly string[] }>;
  /** Name of a witness or group, or `none`. */
  readonly quorum: string;
}

export type PolicyRefusal =
  | { readonly kind: 'malformed-policy'; readonly line: number; readonly why: string }
  | { readonly kind: 'no-quorum'; readonly quorum: string; readonly cosigned: readonly string[] };

export const MAX_POLICY_BYTES = 262_144;
const MAX_POLICY_LINES = 1_000;
const NONE = 'none';

/** A policy that believes one log and asks for no witness. */
export function trustOnly(log: VerifierKey): WitnessPolicy {
  return { logs: [log], witnesses: new Map(), groups: new Map(), quorum: NONE };
}

export function formatPolicy({ logs, witnesses, groups, quorum }: WitnessPolicy): string {
  return [
    ...logs.map((key) => `log ${formatVerifierKey(key)}`),
    ...[...witnesses].map(([name, key]) => `witness ${name} ${formatVerifierKey(key)}`),
    ...[...groups].map(([name, { threshold, members }]) => `group ${name} ${threshold} ${members.join(' ')}`),
    `quorum ${quorum}`,
    '',
  ].join('\n');
}

/** Reads the whole file or refuses it: an unknown or repeated line could only weaken what its author meant. */
export function readPolicy(bytes: Uint8Array): Result<WitnessPolicy, PolicyRefusal> {
  // Names are opaque bytes in the specification; latin1 keeps them one to one.
  const text = Buffer.from(bytes).toString('latin1');
  const lines = text.split('\n');
  if (bytes.length > MAX_POLICY_BYTES || lines.length > MAX_POLICY_LINES) {
    return refuse({ kind: 'malformed-policy', line: 0, why: 'the file is too long' });
  }
  const draft = createDraft();
  for (const [position, raw] of lines.entries()) {
    if ([...raw].some((character) => (character < ' ' && character !== '\t') || character === '\x7f')) {
      return refuse({ kind: 'malformed-policy', line: position + 1, why: 'a control character' });
    }
    const words = raw.split(/[ \t]+/).filter((word) => word !== '');
    if (words.length === 0 || words[0]?.startsWith('#')) continue;
    const wrong = draft.addLine(words);
    if (wrong) return refuse({ kind: 'malformed-policy', line: position + 1, why: wrong });
  }
  const policy = draft.finish();
  return policy ? ok(policy) : refuse({ kind: 'malformed-policy', line: lines.length, why: 'no quorum line' });
}

function createDraft() {
  const logs: VerifierKey[] = [];
  const witnesses = new Map<string, VerifierKey>();
  const groups = new Map<string, { threshold: number; members: string[] }>();
  const members = new Set<string>();
  let quorum: string | undefined;
  const isDefined = (name: string) => witnesses.has(name) || groups.has(name);
  const nameProblem = (name: string) => (name === NONE || isDefined(name) ? `the name ${name} is taken` : undefined);

  function addLog([vkey = '', ...rest]: string[]): string | undefined {
    const key = readVerifierKey(fromLatin1(vkey));
    if (!key.ok || key.value.type !== ED25519 || rest.length > 1)
      return 'log needs the vkey of a log and at most a URL';
    if (logs.some((other) => equalBytes(other.publicKey, key.value.publicKey))) return 'this log is listed twice';
    logs.push(key.value);
    return undefined;
  }

  function addWitness([name = '', vkey = '', ...rest]: string[]): string | undefined {
    const key = readVerifierKey(fromLatin1(vkey));
    if (!key.ok || key.value.type !== COSIGNATURE_V1 || rest.length > 1) {
      return 'witness needs a name, the vkey of a witness and at most a URL';
    }
    if ([...witnesses.values()].some((other) => equalBytes(other.publicKey, key.value.publicKey))) {
      return 'this witness is listed twice';
    }
    const problem = nameProblem(name);
    if (!problem) witnesses.set(name, key.value);
    return problem;
  }

  function addGroup([name = '', rule = '', ...listed]: string[]): string | undefined {
    const threshold =
      rule === 'all' ? listed.length : rule === 'any' ? 1 : /^[1-9][0-9]{0,4}$/.test(rule) ? Number(rule) : 0;
    if (threshold < 1 || threshold > listed.length) return 'group needs a name, all, any or k, and at least k members';
    for (const member of listed) {
      if (!isDefined(member)) return `${member} is not defined above`;
      // Twice in one group, or in two, one witness would count twice.
      if (members.has(member)) return `${member} is a member already`;
      members.add(member);
    }
    const problem = nameProblem(name);
    if (!problem) groups.set(name, { threshold, members: listed });
    return problem;
  }

  function addQuorum([name = '', ...rest]: string[]): string | undefined {
    if (quorum !== undefined) return 'a second quorum line';
    if (rest.length > 0 || (name !== NONE && !isDefined(name))) return 'quorum needs one name defined above, or none';
    quorum = name;
    return undefined;
  }

  return {
    addLine([keyword = '', ...words]: string[]): string | undefined {
      if (keyword === 'log') return addLog(words);
      if (keyword === 'witness') return addWitness(words);
      if (keyword === 'group') return addGroup(words);
      if (keyword === 'quorum') return addQuorum(words);
      return `unknown keyword ${keyword}`;
    },
    finish(): WitnessPolicy | undefined {
      return quorum === undefined ? undefined : { logs, witnesses, groups, quorum };
    },
  };
}

function fromLatin1(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** The cosignatures that count, or a refusal when they do not make the quorum. */
export function checkQuorum(note: Note, policy: WitnessPolicy): Result<readonly Cosignature[], PolicyRefusal> {
  const cosigned = new Map<string, Cosignature>();
  for (const [name, witness] of policy.witnesses) {
    const cosignature = findCosignature(note, witness);
    if (cosignature) cosigned.set(name, cosignature);
  }
  const isMet = (name: string): boolean => {
    const group = policy.groups.get(name);
    if (!group) return cosigned.has(name);
    return group.members.filter(isMet).length >= group.threshold;
  };
  if (policy.quorum !== NONE && !isMet(policy.quorum)) {
    return refuse({ kind: 'no-quorum', quorum: policy.quorum, cosigned: [...cosigned.keys()] });
  }
  return ok([...cosigned.values()]);
}
