/** What the status page and `case list` may show of a campaign. Sealed cases of real findings are counts, nothing else. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { CampaignSummary } from './summary.ts';

export interface CampaignStatus {
  readonly generatedAt: Date;
  readonly campaign: {
    readonly id: string;
    readonly kind: 'demonstration' | 'real';
    readonly sandboxProfile: 'full' | 'user';
    readonly startedAt: Date;
    readonly finishedAt: Date | undefined;
    readonly summary: CampaignSummary | undefined;
  };
  readonly targets: readonly TargetStatus[];
  /** Demonstration cases: their flaws are public already, each by the advisory it names. */
  readonly demonstrations: readonly DemonstrationStatus[];
  /** Cases of findings that match no public advisory: under embargo, only their number is shown. */
  readonly sealedCases: number;
  readonly log: { readonly origin: string; readonly size: number; readonly root: string };
  /** The two release keys have one owner. */
  readonly onePerson: boolean;
  /** Of the demonstration model, as gateways obey it now. */
  readonly release?: ReleaseStatus | undefined;
}

export interface ReleaseStatus {
  readonly model: string;
  readonly stage: string;
  readonly decided: string | undefined;
  readonly decisionSha256: string | undefined;
  /** When what the decision rests on ends, and the stage closes by itself. */
  readonly endsAt?: Date | undefined;
  /** `incident`, `order`, …: each closes it until it is lifted. */
  readonly suspendedBy: readonly string[];
  readonly incidents: readonly {
    readonly id: string;
    readonly severity: string;
    readonly state: string;
    readonly openedAt: Date;
  }[];
}

export interface TargetStatus {
  readonly target: string;
  readonly state: 'waiting' | 'scanned' | 'unavailable';
  readonly reason: string | undefined;
  readonly cpuMs: number | undefined;
}

export interface DemonstrationStatus {
  readonly caseId: string;
  readonly target: string;
  readonly flaw: FlawClass;
  readonly knownAs: string;
  readonly state: string;
  readonly severity: string;
  readonly embargoEndsAt: Date | undefined;
  /** Of the simulated maintainer’s page, once the report is written. */
  readonly maintainerPage: string | undefined;
  /** Paths below `public/`, once published. */
  readonly documents: readonly string[];
}
