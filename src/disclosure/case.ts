/**
 * A disclosure case: one flaw on its way to the public, as the sum of three small machines and the way we walk them.
 *
 *   received ──▶ confirmed ──▶ notified ──▶ acknowledged ──▶ patched ──▶ fix-released ──▶ disclosed
 *       └────────────┴──▶ rejected   └────────────┴─────────────┴──── (embargo over) ──────▲
 *   any open case ──▶ withdrawn;  `leak` and `exploited` end the embargo wherever the case stands
 *
 * Pure: no clock, no database. `advance` (in `case-step.ts`) is the only way a case moves.
 */
import type { Id } from '../lib/id.ts';
import type { CaseFacts } from './case-events.ts';
import type { PolicyName } from './clock-policy.ts';
import type { EmbargoState } from './embargo.ts';
import type { ReportState } from './report-state.ts';

export type CaseId = Id<'case'>;

/** A demonstration has a simulated party or a simulated clock. It is fixed at opening and never changes. */
export type CaseKind = 'real' | 'demonstration';

export type PartyRole = 'coordinator' | 'vendor' | 'finder' | 'deployer';

/** Name and address stand apart, encrypted: they would name the target. */
export interface Party {
  readonly id: Id<'party'>;
  readonly role: PartyRole;
  readonly simulated: boolean;
  readonly report: ReportState;
}

interface CaseBase {
  readonly id: CaseId;
  /** Grows by one with every step. */
  readonly version: number;
  readonly kind: CaseKind;
  /** `compressed`: a simulated clock, faster than the world's. */
  readonly time: 'real' | 'compressed';
  readonly policy: PolicyName;
  readonly openedAt: Date;
  /** Of the first post on a closed list, ours or anybody's; absent where none is known. */
  readonly firstPostAt?: Date;
  readonly parties: readonly Party[];
  readonly facts: CaseFacts;
}

/** States are grouped by the facts they carry, so an impossible case cannot be written down. */
export type Case = CaseBase &
  (
    | { readonly stage: 'received' | 'confirmed'; readonly embargo: 'none' }
    | {
        readonly stage: 'notified' | 'acknowledged' | 'patched';
        readonly embargo: EmbargoState;
        readonly notifiedAt: Date;
        /** The disclosure deadline; null while the policy sets none and none was agreed. */
        readonly dueAt: Date | null;
        /** The one extension a policy may grant was taken. */
        readonly isExtended: boolean;
      }
    | {
        readonly stage: 'fix-released';
        readonly embargo: 'none' | 'exited';
        readonly notifiedAt: Date;
        readonly detailsAt: Date;
      }
    | {
        readonly stage: 'disclosed';
        readonly embargo: 'none' | 'exited';
        readonly closedAt: Date;
        readonly detailsAt: Date;
      }
    | { readonly stage: 'rejected' | 'withdrawn'; readonly embargo: 'none' | 'exited'; readonly closedAt: Date }
  );

export type Stage = Case['stage'];

export const STAGES = [
  'received',
  'confirmed',
  'notified',
  'acknowledged',
  'patched',
  'fix-released',
  'disclosed',
  'rejected',
  'withdrawn',
] as const satisfies readonly Stage[];

/** The only kind of case a real channel takes. */
export type RealCase = Case & { readonly kind: 'real'; readonly time: 'real' };

export function isRealCase(it: Case): it is RealCase {
  return it.kind === 'real' && it.time === 'real' && it.parties.every(({ simulated }) => !simulated);
}

export const isClosedStage = (stage: Stage): boolean =>
  stage === 'disclosed' || stage === 'rejected' || stage === 'withdrawn';

export const isClosed = ({ stage }: Case): boolean => isClosedStage(stage);
