/**
 * What a call is charged, from how it ended and what its answer showed. The provider's own last figures where there are
 * any; otherwise never less than it can bill, and never more than was reserved. Nothing is charged for what failed
 * before it showed any output.
 */
import type { Reading, Usage } from '../dialect/index.ts';
import { type Bound, type PricedModel, toMicro, weigh, weighDearest } from './price.ts';

export type Ending =
  /** The request never left, or the provider answered with an error. */
  | 'not-served'
  | 'complete'
  /** The provider's side broke off or could not be read. */
  | 'broken'
  /** The client went away, or a stop or a limit ended it here. */
  | 'cut';

export type Flag =
  | 'usage-missing'
  | 'usage-unreadable'
  | 'hidden-output'
  | 'estimated'
  | 'clamped'
  | 'served-model-unknown'
  | 'refused-before-output';

export interface SettlementInput {
  readonly ending: Ending;
  readonly stream: boolean;
  readonly reading: Reading;
  /** Bytes of the answer, whatever they were. */
  readonly answerBytes: number;
  readonly bound: Bound;
  /** Of the attempts, in their order. */
  readonly models: readonly [PricedModel, ...PricedModel[]];
}

export interface Settlement {
  readonly costMicro: number;
  readonly usage: Usage;
  readonly flags: readonly Flag[];
}

/** What a provider may have produced after the last byte that reached us. */
export const IN_FLIGHT_TOKENS = 512;

const NOTHING: Usage = { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };

export function settleCall(input: SettlementInput): Settlement {
  const { ending, reading } = input;
  if (ending === 'not-served') return free(NOTHING);
  if (reading.isFinal && !reading.isUnreadable) return settleExactly(input);
  const hasFailed = ending === 'broken' || reading.hasFailed;
  const showsOutput = reading.contentBytes > 0 || (!input.stream && input.answerBytes > 0);
  if (hasFailed && !showsOutput) return free(NOTHING);
  const why: Flag[] = ending === 'complete' ? [reading.isUnreadable ? 'usage-unreadable' : 'usage-missing'] : [];
  const knowsNothing = !input.stream && ending !== 'complete';
  if (reading.hidesOutput || knowsNothing || input.models.length > 1) {
    return { costMicro: input.bound.reservedMicro, usage: reading.usage, flags: [...why, 'hidden-output'] };
  }
  return estimate(input, why);
}

const free = (usage: Usage, flags: readonly Flag[] = []): Settlement => ({ costMicro: 0, usage, flags });

function settleExactly({ reading, bound, models }: SettlementInput): Settlement {
  // Anthropic: a refusal before output is reported with its tokens, and not billed.
  if (reading.stopReason === 'refusal' && reading.contentBytes === 0) {
    return free(reading.usage, ['refused-before-output']);
  }
  const flags = new Set<Flag>();
  const hops = reading.hops.length > 0 ? reading.hops : [{ model: reading.servedModel, usage: reading.usage }];
  let weight = 0n;
  for (const { model, usage } of hops) {
    const served = findServed(model, models);
    if (!served) flags.add('served-model-unknown');
    weight += served ? weigh(usage, served.prices) : dearest(usage, models);
  }
  return clamp(weight, bound, reading.usage, flags);
}

/** A provider answers with the name it was asked for, or with that name and a date. */
function findServed(name: string | undefined, models: SettlementInput['models']): PricedModel | undefined {
  if (models.length === 1 || name === undefined) return models[0];
  const exact = models.find(({ upstreamName }) => upstreamName === name);
  if (exact) return exact;
  const dated = models.filter(({ upstreamName }) => name.startsWith(`${upstreamName}-`));
  return dated.sort((left, right) => right.upstreamName.length - left.upstreamName.length)[0];
}

function dearest(usage: Usage, models: readonly PricedModel[]): bigint {
  let most = 0n;
  for (const { prices } of models) {
    const weight = weigh(usage, prices);
    if (weight > most) most = weight;
  }
  return most;
}

/** A token is at least one byte, so bytes bound what is not known. */
function estimate(input: SettlementInput, why: readonly Flag[]): Settlement {
  const { reading, bound, models, ending } = input;
  const received = reading.contentBytes > 0 ? reading.contentBytes : ending === 'complete' ? input.answerBytes : 0;
  const output = Math.max(reading.usage.output, received + (ending === 'complete' ? 0 : IN_FLIGHT_TOKENS));
  const { prices } = models[0];
  const knowsInput = reading.inputIsKnown && !reading.isUnreadable;
  const usage = knowsInput ? { ...reading.usage, output } : { ...NOTHING, input: bound.inputTokens, output };
  const weight = knowsInput ? weigh(usage, prices) : weighDearest(bound.inputTokens, BigInt(output), bound.rates);
  return clamp(weight, bound, usage, new Set([...why, 'estimated']));
}

function clamp(weight: bigint, { reservedMicro }: Bound, usage: Usage, flags: Set<Flag>): Settlement {
  const costMicro = toMicro(weight);
  if (costMicro <= BigInt(reservedMicro)) return { costMicro: Number(costMicro), usage, flags: [...flags] };
  return { costMicro: reservedMicro, usage, flags: [...flags, 'clamped'] };
}
