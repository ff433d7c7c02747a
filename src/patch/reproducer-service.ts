/** What of a reproducer is run: our own writing of its plan, or a script that was read first. */
import { ok, type Result, refuse } from '../lib/result.ts';
import { type ProbePlan, readPlan, renderReproducer, reproducerFileName } from '../probe/index.ts';
import { screenReproducer } from '../verify/index.ts';
import type { Reproducer } from './attack-service.ts';

/**
 * A reproducer file from anyone. Where it holds a plan, the plan alone is taken and written out anew, so that nothing
 * else in the file is run; where it holds none, its script may do no more than load the target, call it and look.
 */
export function readReproducer(path: string, text: string, packageName: string): Result<Reproducer, string> {
  const plan = readPlan(text);
  if (plan !== undefined) {
    const written = render(plan, packageName);
    return written === undefined ? refuse('its plan cannot be written out as a script') : ok(written);
  }
  const screened = screenReproducer(text, packageName);
  if (!screened.ok) return refuse(`the script, ${screened.refusal.detail}`);
  return ok({ file: path.endsWith('.mjs') ? 'reproduce.mjs' : 'reproduce.cjs', text });
}

/** Undefined for a plan that cannot be written out. */
export function render(plan: ProbePlan, packageName: string): Reproducer | undefined {
  try {
    return { file: reproducerFileName(plan), text: renderReproducer(plan, { packageName }) };
  } catch {
    // A variation that cannot be written out is none.
    return undefined;
  }
}
