/**
 * Where a report stands with one party (Vultron's report management). Every party of a case has its own.
 *
 *   start ──▶ received ──▶ valid ──▶ accepted ⇄ deferred
 *                └──▶ invalid ──▶ valid  │         │
 *                        └───────────────┴─────────┴──▶ closed
 */
import type { Result } from '../lib/result.ts';
import { type Arrow, follow, type NoArrow } from './machine.ts';

export type ReportState = 'start' | 'received' | 'invalid' | 'valid' | 'accepted' | 'deferred' | 'closed';
export type ReportEvent = 'receive' | 'validate' | 'invalidate' | 'accept' | 'defer' | 'close';

const REPORT_ARROWS: readonly Arrow<ReportState, ReportEvent>[] = [
  { from: 'start', event: 'receive', to: 'received' },
  { from: 'received', event: 'validate', to: 'valid' },
  { from: 'received', event: 'invalidate', to: 'invalid' },
  { from: 'invalid', event: 'validate', to: 'valid' },
  { from: 'invalid', event: 'close', to: 'closed' },
  { from: 'valid', event: 'accept', to: 'accepted' },
  { from: 'valid', event: 'defer', to: 'deferred' },
  { from: 'accepted', event: 'defer', to: 'deferred' },
  { from: 'accepted', event: 'close', to: 'closed' },
  { from: 'deferred', event: 'accept', to: 'accepted' },
  { from: 'deferred', event: 'close', to: 'closed' },
];

export const advanceReport = (from: ReportState, event: ReportEvent): Result<ReportState, NoArrow> =>
  follow('report', REPORT_ARROWS, from, event);
