/** What a person is told of two crash reports: the facts that the learnt score reads most. */
import { type Census, ofProject, windowOf } from './census.ts';
import type { Signature } from './signature.ts';

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

export function crashReasons(a: Signature, b: Signature, census: Census): readonly string[] {
  return [...windowReasons(a, b, census), ...frameReasons(a, b, census), ...otherReasons(a, b)];
}

function windowReasons(a: Signature, b: Signature, census: Census): string[] {
  const [one, other] = [windowOf(a), windowOf(b)];
  if (one === 'none' || other === 'none') {
    return [one === other ? 'neither says when it came in' : 'only one says when it came in'];
  }
  if (one !== other) return ['they came in with different builds'];
  const window = ofProject(census, a.project).windows.get(one);
  const days = (((a.regressedBy ?? 0) - (a.regressedAfter ?? 0)) / DAY_SECONDS).toFixed(1);
  const company = window
    ? `, as did ${window.records} reports in all, ${Math.round(window.burst * 100)} % of them within three days`
    : '';
  return [`both came in within the same ${days} days${company}`];
}

function frameReasons(a: Signature, b: Signature, census: Census): string[] {
  const project = ofProject(census, a.project);
  const names = b.frames.map(({ name }) => name);
  const shared = [...new Set(a.frames.map(({ name }) => name))].filter((name) => names.includes(name));
  if (shared.length === 0) return ['no frame in common'];
  return shared.map((name) => {
    const where = a.frames[0]?.name === name && names[0] === name ? 'top frame' : 'frame';
    return `the same ${where} ${name}, which ${project.frames.get(name) ?? 0} of ${project.records} reports have`;
  });
}

function otherReasons(a: Signature, b: Signature): string[] {
  const reasons: string[] = [];
  if (a.crash && b.crash) {
    reasons.push(a.crash.kind === b.crash.kind ? `both ${a.crash.kind}` : `${a.crash.kind} and ${b.crash.kind}`);
  }
  if (a.fuzzTarget !== '' && b.fuzzTarget !== '') {
    reasons.push(a.fuzzTarget === b.fuzzTarget ? 'the same fuzz target' : 'different fuzz targets');
  }
  if (a.reported !== undefined && b.reported !== undefined) {
    const hours = Math.abs(a.reported - b.reported) / HOUR_SECONDS;
    reasons.push(
      hours < 48 ? `reported ${hours.toFixed(1)} hours apart` : `reported ${Math.round(hours / 24)} days apart`,
    );
  }
  return reasons;
}
