/** What `secondlook` is told of intake, campaigns and triage, and how each takes a record up again: joined here. */
import type { Campaigns } from './campaign/index.ts';
import type { Disclosure } from './disclosure/index.ts';
import type { Intake } from './intake/index.ts';
import type { SecondLookParts } from './secondlook/index.ts';
import { SEVERITIES, type Triage } from './triage/index.ts';

interface Known {
  readonly intake: Pick<Intake, 'ids' | 'find' | 'releaseIn'>;
  readonly campaigns: Pick<Campaigns, 'rejectedCandidates' | 'readCandidate' | 'verifyAgainIn'>;
  readonly triage: Pick<Triage, 'find' | 'reviewIn'>;
  readonly disclosure: Pick<Disclosure, 'list' | 'find'>;
}

/** The newest rejected records that are looked through. */
const MOST_RECORDS = 100_000;
/** Who rates a finding of our own. */
const OWN_RATER = 'verification';

export function createSecondLookKinds({ intake, campaigns, triage, disclosure }: Known): SecondLookParts['kinds'] {
  return {
    'intake-rejection': {
      list: async (isDrawn) => (await intake.ids('rejected', MOST_RECORDS)).filter(isDrawn),
      async show(id) {
        const record = await intake.find(id);
        return record && { record: id, fate: record.fate, detail: record.detail ?? null, claim: record.claim ?? null };
      },
      async reopen(tx, id, { actor }) {
        const released = await intake.releaseIn(tx, id, actor);
        return released.ok ? 'the record is canonical' : undefined;
      },
    },
    'verify-rejection': {
      list: (isDrawn) => campaigns.rejectedCandidates(isDrawn),
      async show(id) {
        const read = await campaigns.readCandidate(id);
        if (!read) return undefined;
        const { target, flaw, entry, oracle } = read.candidate;
        return { candidate: id, ...{ target, flaw, entry, oracle }, rejected: read.reason };
      },
      reopen: async (tx, id) =>
        (await campaigns.verifyAgainIn(tx, id)) ? 'the candidate is verified once more' : undefined,
    },
    'low-verdict': {
      async list(isDrawn) {
        const low: string[] = [];
        for (const { id, kind } of await disclosure.list()) {
          const decided = kind === 'real' && isDrawn(id) ? await triage.find(id) : undefined;
          if (decided && isLow(decided.decision)) low.push(id);
        }
        return low;
      },
      async show(id) {
        const [decided, opened] = [await triage.find(id), await disclosure.find(id)];
        if (!decided || !opened) return undefined;
        const { target, flaw, entry, oracle } = opened.finding;
        return { case: id, ...{ target, flaw, entry, oracle }, decision: decided.decision };
      },
      async reopen(tx, id, { actor, severity }) {
        const decided = await triage.find(id);
        const found = SEVERITIES.find((each) => each === severity);
        if (!decided || found === undefined) return undefined;
        const review = { rater: OWN_RATER, claimed: decided.decision.severity.value, found };
        await triage.reviewIn(tx, review, id, actor);
        return 'the rating is reviewed, and every open case decided anew';
      },
    },
  };
}

type Decision = NonNullable<Awaited<ReturnType<Triage['find']>>>['decision'];

const isLow = ({ severity, supplier }: Decision): boolean =>
  severity.value === 'none' || severity.value === 'low' || supplier.value === 'defer';
