/**
 * Maintainers as their history shows them: each fix takes log-normal days about the project's own mean, longer with more
 * open reports (the effect *within* a project), and a project lands no more fixes in a month than in the best month it ever had.
 * What is ready first is landed by their own priority: the severe before the rest.
 */
import { loadExponent, type Parameters, type Slowdown } from './parameters.ts';
import type { Flaw, SimulatedProject } from './world.ts';

const MONTH_DAYS = 30;

interface Desk {
  readonly project: SimulatedProject;
  open: number;
  readonly ready: { readonly flaw: number; readonly isHigh: boolean }[];
  readonly fixedDays: number[];
}

export interface Abilities {
  readonly parameters: Parameters;
  readonly slowdown: Slowdown;
  /** Without: only load slows a project, no best month stops it. For comparison. */
  readonly hasBestMonth: boolean;
}

export function createMaintainers(projects: readonly SimulatedProject[], abilities: Abilities) {
  const { parameters, slowdown, hasBestMonth } = abilities;
  const { withinSd } = parameters.fitted;
  const exponent = loadExponent(parameters, slowdown.loadRatio);
  const desks = projects.map((project): Desk => ({ project, open: 0, ready: [], fixedDays: [] }));
  const at = (index: number): Desk => {
    const desk = desks[index];
    if (!desk) throw new RangeError(`there is no project ${index}`);
    return desk;
  };
  return {
    /** The report is taken up; gives the days until its fix is ready. Infinity: never. */
    take({ project, isHigh, difficulty, isNeverFixed }: Flaw): number {
      if (isNeverFixed) return Number.POSITIVE_INFINITY;
      const desk = at(project);
      const alone = Math.exp(desk.project.meanLogDays + withinSd * difficulty);
      const days = alone * (1 + desk.open) ** exponent * slowdown.days * (isHigh ? 1 : slowdown.other);
      desk.open += 1;
      return days;
    },
    /** No flaw after all. */
    dismiss({ project }: Flaw): void {
      at(project).open -= 1;
    },
    finish({ project, isHigh }: Flaw, flaw: number): void {
      at(project).ready.push({ flaw, isHigh });
    },
    /** The flaws whose fixes land today, and the day on which the next can. */
    land(project: number, today: number): { readonly fixed: readonly number[]; readonly nextDay: number | null } {
      const desk = at(project);
      const fixed: number[] = [];
      while (desk.ready.length > 0) {
        const blocking = hasBestMonth ? desk.fixedDays.at(-desk.project.bestMonth) : undefined;
        const freeDay = (blocking ?? Number.NEGATIVE_INFINITY) + MONTH_DAYS * slowdown.days;
        if (freeDay > today) return { fixed, nextDay: freeDay };
        const severe = desk.ready.findIndex(({ isHigh }) => isHigh);
        const [next] = desk.ready.splice(Math.max(0, severe), 1);
        if (!next) break;
        desk.fixedDays.push(today);
        desk.open -= 1;
        fixed.push(next.flaw);
      }
      return { fixed, nextDay: null };
    },
  };
}
