/** Other inputs that may make the same expression slow. */
import type { ProbePlan } from './plan.ts';
import { proposeAttacks } from './regex-attacks.ts';

const ENDS = ['\u0000', '!', '', '\n', ' x', '\n\u0000', '.', ';', '"', '>'];
const BEGINNINGS = ['', 'x', ' ', 'a ', '0'];

/** Plans with another end, beginning or repeated part. The first ones stay closest to the plan's own input. */
export function redosVariants(plan: ProbePlan): readonly ProbePlan[] {
  const [prefix = '', suffix = ''] = plan.payload.split('{{repeat}}');
  const pump = plan.pump ?? '';
  const write = (before: string, part: string, after: string): ProbePlan => ({
    ...plan,
    payload: `${before}{{repeat}}${after}`,
    pump: part,
  });
  const near = [
    ...ENDS.map((end) => write(prefix, pump, end)),
    ...BEGINNINGS.map((beginning) => write(beginning + prefix, pump, suffix)),
    write(prefix, pump + pump, suffix),
    write(prefix, pump.repeat(3), suffix),
    write(prefix + pump, pump, pump + suffix),
    write(prefix, pump, `${suffix}${pump}${suffix}`),
    write(prefix, pump, `${suffix}x`),
    write(prefix + prefix, pump, suffix),
  ];
  const { source = '', flags = '' } = plan.expression ?? {};
  const far = proposeAttacks(source, flags).map((attack) => write(attack.prefix, attack.pump, attack.suffix));
  const seen = new Set([JSON.stringify([plan.payload, pump])]);
  return [...near, ...far].filter((variant) => {
    const key = JSON.stringify([variant.payload, variant.pump]);
    return !seen.has(key) && seen.add(key);
  });
}
