/** The door of the ledger: how much is left, and who has which part of it in hand. */
export {
  type AmountRefusal,
  type CallId,
  type GatewayId,
  type LeaseId,
  type LimitId,
  readDollars,
  toDollars,
} from './credit.ts';
export { type Credit, createLedger, type Ledger, type LimitView, type RefundRefusal } from './ledger.ts';
export type { StoredPosting } from './ledger-store.ts';
export type { Reservation } from './meter.ts';
export { createMeter, type Meter, type MeterParts, type StoredReceipt } from './meter-service.ts';
export { type AdmittedCall, type ReadAdmitted, type Recovered, recoverLeases } from './recovery-service.ts';
export type { OverLimit } from './waiting.ts';
