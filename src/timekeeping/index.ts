export type { Hold } from './time-store.ts';
export { believe, createTimekeeping, type Instant, type Timekeeping } from './timekeeping.ts';
