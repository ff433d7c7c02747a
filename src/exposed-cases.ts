/** What `exposure` is told of the cases of `disclosure`: joined here, because neither knows what the other is for. */
import type { Disclosure } from './disclosure/index.ts';
import {
  createExposure,
  createNotices,
  type Exposure,
  type ExposureParts,
  type NoticeParts,
  type Notices,
  packageOfPurl,
} from './exposure/index.ts';
import { affectedRange } from './triage/index.ts';

type CasePorts = Pick<ExposureParts, 'openCases' | 'findCase'>;

function createExposedCases(disclosure: Pick<Disclosure, 'realCases' | 'findIn'>): CasePorts {
  return {
    openCases: async () => (await disclosure.realCases()).filter(({ isClosed }) => !isClosed).map(({ id }) => id),
    async findCase(tx, id) {
      const opened = await disclosure.findIn(tx, id);
      if (!opened) return undefined;
      const { target } = opened.finding;
      const purl = packageOfPurl(target);
      if (purl === undefined) throw new Error(`the target of ${id} is no package URL`);
      const range = affectedRange({ purl: target, events: opened.learnt.affected?.events ?? null });
      return { case: opened.case, flawed: { purl, range: range.value } };
    },
  };
}

type PartnerParts = Omit<NoticeParts, keyof CasePorts | 'exposure'> & {
  readonly disclosure: Pick<Disclosure, 'realCases' | 'findIn'>;
};

export function createPartners({ disclosure, ...parts }: PartnerParts): {
  readonly exposure: Exposure;
  readonly notices: Notices;
} {
  const cases = createExposedCases(disclosure);
  const exposure = createExposure({ ...parts, ...cases });
  return { exposure, notices: createNotices({ ...parts, ...cases, exposure }) };
}

export interface CaseDependents {
  /** What the patch of the case is made for. */
  readonly target: string;
  /** Null where none was verified. */
  readonly patch: string | null;
  readonly dependents: readonly string[];
}

/** Asked of the registry by name: what one partner alone has may be its own, and is not asked for. */
const FEWEST_PARTNERS = 2;

/** What a patch of a case could break, as partners' bills of materials have it. Undefined where there is no such case. */
export async function findCaseDependents(
  { disclosure, exposure }: { readonly disclosure: Pick<Disclosure, 'find'>; readonly exposure: Exposure },
  id: string,
): Promise<CaseDependents | undefined> {
  const [opened, dependents] = [await disclosure.find(id), await exposure.dependents(id)];
  if (!opened || !dependents) return undefined;
  return {
    target: opened.finding.target,
    patch: opened.learnt.patch,
    dependents: dependents.filter(({ partners }) => partners >= FEWEST_PARTNERS).map(({ purl }) => purl),
  };
}
