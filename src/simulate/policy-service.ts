/** The policies compared. `paced` is the code by which real reports are paced, called as it is. */
import { nextReports, POPULATION, USUAL_GROWTH } from '../pacing/index.ts';
import type { Choose } from './year.ts';

export const POLICIES = ['paced', 'fixed', 'flood'] as const;
export type PolicyName = (typeof POLICIES)[number];

export interface PolicySettings {
  /** Of `paced`: reports open at once for each recent fix and one more. */
  readonly growth: number;
  /** Of `fixed`: reports a week to each project. */
  readonly perWeek: number;
  /** Of `flood`: which share of the findings is sent at all, drawn without looking. */
  readonly share: number;
}

export const SETTINGS: PolicySettings = { growth: USUAL_GROWTH, perWeek: 1, share: 1 };

const WEEK_DAYS = 7;

export function choosing(policy: PolicyName, settings: PolicySettings = SETTINGS): Choose {
  switch (policy) {
    case 'paced':
      return paced(settings.growth);
    case 'fixed':
      return fixed(settings.perWeek);
    case 'flood':
      return flood(settings.share);
  }
}

function paced(growth: number): Choose {
  const rules = { population: POPULATION, growth };
  return (queue, today) =>
    nextReports(queue, today, rules).next.flatMap(({ members }) => members.map(({ waiting }) => waiting.id));
}

/** The oldest first, at the same rate for everybody. */
function fixed(perWeek: number): Choose {
  const span = Math.max(1, Math.ceil(1 / perWeek)) * WEEK_DAYS;
  const most = Math.max(1, Math.round((perWeek * span) / WEEK_DAYS));
  return ({ waiting, sent }, today) => {
    const recent = sent.filter(({ sentDay }) => sentDay > today - span).length;
    return waiting.slice(0, Math.max(0, most - recent)).map(({ id }) => id);
  };
}

/** All at once. */
function flood(share: number): Choose {
  return ({ waiting }) => waiting.filter(({ id }) => drawn(id) < share).map(({ id }) => id);
}

const GOLDEN = 0.6180339887498949;
/** Spread evenly over [0, 1) by the finding's number. */
const drawn = (id: string): number => (Number(id.slice('finding-'.length)) * GOLDEN) % 1;
