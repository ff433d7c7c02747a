/**
 * How common things are: within one project, and over all projects seen. A shared frame that every second report of the
 * project has says little; one that only two have says much. Counts are kept by intake for its whole stock, or made
 * from a list that is given as a whole.
 */
import type { Signature } from './signature.ts';

export interface Census {
  /** Records counted. */
  readonly records: number;
  readonly projects: ReadonlyMap<string, ProjectCensus>;
  /** In how many projects a frame's name occurs. */
  readonly projectsWithFrame: ReadonlyMap<string, number>;
}

export interface ProjectCensus {
  readonly records: number;
  readonly frames: ReadonlyMap<string, number>;
  readonly words: ReadonlyMap<string, number>;
  /** By `after-by`; records without one under `none`. */
  readonly windows: ReadonlyMap<string, WindowCensus>;
  /** Earliest sign of life of a fuzz target and of a job: end of the window, else the report. */
  readonly targetSince: ReadonlyMap<string, number>;
  readonly sanitizerSince: ReadonlyMap<string, number>;
  readonly crashKinds: ReadonlyMap<string, number>;
  readonly firstWindowEnd: number;
}

/** The reports that say they came in with the same builds. */
export interface WindowCensus {
  readonly records: number;
  /** Share that was reported within `BURST_SECONDS` of the window's end: a new flaw is found fast and by many inputs. */
  readonly burst: number;
  /** Seconds without any report of the project before the window's end. */
  readonly quietBefore: number;
  /** Seconds from the window's end to the middle and to the last report. */
  readonly middleLag: number;
  readonly lastLag: number;
  /** Share of the commonest family of crash. */
  readonly oneFamily: number;
  /** Share of the commonest scope of frames, of the commonest fuzz target, and of uses of uninitialised values. */
  readonly oneScope: number;
  readonly oneTarget: number;
  readonly uninitialised: number;
}

const BURST_SECONDS = 3 * 86_400;

export const windowOf = ({ regressedAfter, regressedBy }: Signature): string =>
  regressedAfter === undefined || regressedBy === undefined ? 'none' : `${regressedAfter}-${regressedBy}`;

export function takeCensus(signatures: readonly Signature[]): Census {
  const projects = new Map<string, ProjectCensus>();
  const projectsWithFrame = new Map<string, number>();
  for (const [project, members] of Map.groupBy(signatures, (signature) => signature.project)) {
    const frames = count(members.flatMap(({ frameNames }) => frameNames));
    for (const name of frames.keys()) projectsWithFrame.set(name, (projectsWithFrame.get(name) ?? 0) + 1);
    projects.set(project, {
      records: members.length,
      frames,
      words: count(members.flatMap(({ frameWords }) => frameWords)),
      windows: takeWindows(members),
      targetSince: earliest(members, ({ fuzzTarget }) => fuzzTarget),
      sanitizerSince: earliest(members, ({ sanitizer, engine }) => `${engine} ${sanitizer}`),
      crashKinds: count(members.map(({ crash }) => crash?.kind ?? '')),
      firstWindowEnd: Math.min(...members.map(({ regressedBy }) => regressedBy ?? Number.POSITIVE_INFINITY)),
    });
  }
  return { records: signatures.length, projects, projectsWithFrame };
}

const NO_PROJECT: ProjectCensus = {
  records: 0,
  frames: new Map(),
  words: new Map(),
  windows: new Map(),
  targetSince: new Map(),
  sanitizerSince: new Map(),
  crashKinds: new Map(),
  firstWindowEnd: Number.POSITIVE_INFINITY,
};

export const ofProject = (census: Census, project: string): ProjectCensus => census.projects.get(project) ?? NO_PROJECT;

/** Rarity of what `count` of `total` have: 0 for what all have. */
export const rarity = (found: number | undefined, total: number): number =>
  Math.max(0, Math.log((total + 1) / ((found ?? 0) + 0.5)));

function takeWindows(members: readonly Signature[]): ReadonlyMap<string, WindowCensus> {
  const reports = members.flatMap(({ reported }) => reported ?? []);
  return new Map(
    [...Map.groupBy(members, windowOf)].map(([window, inside]) => {
      const end = inside[0]?.regressedBy ?? 0;
      const lags = inside
        .flatMap(({ reported }) => (reported === undefined ? [] : reported - end))
        .sort((x, y) => x - y);
      const lastBefore = reports.reduce((last, at) => (at <= end && at > last ? at : last), 0);
      return [
        window,
        {
          records: inside.length,
          burst:
            inside.filter(({ reported }) => (reported ?? Number.POSITIVE_INFINITY) - end <= BURST_SECONDS).length /
            inside.length,
          middleLag: lags[lags.length >> 1] ?? 0,
          lastLag: lags.at(-1) ?? 0,
          oneFamily: commonest(inside.map(({ crash }) => crash?.family ?? '')),
          oneScope: commonest(inside.flatMap(({ frames }) => [...new Set(frames.map(({ scope }) => scope))])),
          oneTarget: commonest(inside.map(({ fuzzTarget }) => fuzzTarget)),
          uninitialised: inside.filter(({ crash }) => crash?.family === 'uninitialised').length / inside.length,
          quietBefore: lastBefore === 0 ? -1 : end - lastBefore,
        },
      ];
    }),
  );
}

const commonest = (items: readonly string[]): number =>
  Math.max(0, ...count(items).values()) / Math.max(1, items.length);

function earliest(members: readonly Signature[], key: (member: Signature) => string): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const member of members) {
    const at = member.regressedBy ?? member.reported ?? Number.POSITIVE_INFINITY;
    first.set(key(member), Math.min(first.get(key(member)) ?? Number.POSITIVE_INFINITY, at));
  }
  return first;
}

function count(items: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
