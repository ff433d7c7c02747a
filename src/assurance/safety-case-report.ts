/** A safety case as people read it: what it claims of which way of harm, on what, and what is wrong with it. */
import type { Decision, JudgedCase, SafetyCase } from '../policy/index.ts';
import { type Argument, type ArgumentNode, drawArgument } from './diagram.ts';
import { type Block, heading, list, paragraph, type Report, table, warning } from './document.ts';

export interface CaseToShow {
  readonly safetyCase: SafetyCase;
  /** `sha256:…` of its canonical JSON. */
  readonly digest: string;
  readonly judged: JudgedCase;
  /** That rests on it, with its hash; undefined for a draft. */
  readonly decision: { readonly document: Decision; readonly sha256: string } | undefined;
}

const STRATEGY = 'by-way';
const ROOT = 'top';

export function reportSafetyCase(shown: CaseToShow): Report {
  const { safetyCase: it, judged, digest } = shown;
  const wrong = [...new Set(judged.errors.map(({ place, why }) => `${place}: ${why}`))];
  return {
    title: `Safety case of ${it.model}`,
    blocks: [
      ...(shown.decision?.document.demonstration === true
        ? [warning('DEMONSTRATION: it rests on simulated evidence and says nothing of a real model.')]
        : []),
      paragraph(it.claim),
      table(['What', 'Value'], about(shown)),
      ...(wrong.length > 0
        ? [warning(`It does not carry its stage: ${wrong.length} errors.`), list(wrong)]
        : [paragraph('Every way of harm is covered, and every threshold is met by the evidence that was at hand.')]),
      ...statedContext(it),
      heading('The argument'),
      paragraph(
        'Rectangles claim, parallelograms say how it is argued, circles are evidence, rounded boxes are context and ellipses are assumptions. What is red does not hold.',
      ),
      overview(shown),
      ...it.ways.flatMap((way) => wayBlocks(shown, way)),
      heading('Evidence and thresholds'),
      table(['Evidence', 'What it is', 'Must be', 'Was', 'Limits'], evidenceRows(shown)),
      heading('Residual risk'),
      table(
        ['Way of harm', 'Risk', 'What is left', 'Accepted by'],
        it.ways.map(({ id, residual }) => [
          id,
          residual?.risk ?? 'not stated',
          residual?.text ?? '',
          residual?.acceptedBy ?? '',
        ]),
      ),
      ...reviews(it),
      ...deviations(shown),
      paragraph(
        `This text follows from the safety case ${digest} and from nothing else; whoever has the evidence can write it again.`,
      ),
    ],
  };
}

function about({ safetyCase: it, digest, decision }: CaseToShow): string[][] {
  return [
    ['Model', `${it.model} (${it.modelDigest})`],
    ['Argues for', it.stage],
    ['Of', `${it.at}, valid until ${it.validUntil}`],
    ['Safety case', digest],
    ...(decision
      ? [
          ['Decision that rests on it', `sha256:${decision.sha256}`],
          [
            'Stage granted',
            `${decision.document.stage} (asked for ${decision.document.asked}), as of ${decision.document.asOf}`,
          ],
        ]
      : [['Decision', 'none: a draft']]),
  ];
}

function statedContext({ context = [] }: SafetyCase): Block[] {
  if (context.length === 0) return [];
  return [
    heading('Context and assumptions'),
    list(context.map(({ id, text, assumed }) => `${assumed ? 'Assumed' : 'Context'}, ${id}: ${text}`)),
  ];
}

/** Places of errors name what they are about. */
const isWrong = ({ judged }: CaseToShow, list: string, id: string): boolean =>
  judged.errors.some(({ place }) => place.startsWith(`/${list}/`) && place.endsWith(`(${id})`));

function overview(shown: CaseToShow): Block {
  const { safetyCase: it, judged } = shown;
  const context = (it.context ?? []).map(({ id, text, assumed }): ArgumentNode => {
    return { id: `c.${id}`, kind: assumed ? 'assumption' : 'context', label: id, text, supportedBy: [] };
  });
  const ways = it.ways.map((way): ArgumentNode => {
    const stands = stateOf(
      !isWrong(shown, 'ways', way.id) &&
        it.claims.every(({ id, ways: of }) => !of.includes(way.id) || claimStands(shown, id)),
    );
    return { id: `w.${way.id}`, kind: 'goal', label: way.id, text: way.text, state: stands, supportedBy: [] };
  });
  const argument: Argument = {
    root: ROOT,
    nodes: [
      {
        ...{ id: ROOT, kind: 'goal', label: it.model, text: it.claim, state: stateOf(judged.errors.length === 0) },
        ...{ supportedBy: [STRATEGY], inContextOf: context.map(({ id }) => id) },
      },
      {
        ...{ id: STRATEGY, kind: 'strategy', label: 'Strategy', text: 'Over each way of harm' },
        supportedBy: ways.map(({ id }) => id),
      },
      ...ways,
      ...context,
    ],
  };
  const caption = `What the safety case of ${it.model} claims, way of harm by way of harm`;
  return { kind: 'figure', name: 'overview', svg: drawArgument(argument, caption), caption };
}

const stateOf = (stands: boolean): 'stands' | 'fails' => (stands ? 'stands' : 'fails');

function safeguardStands(shown: CaseToShow, id: string): boolean {
  const found = shown.safetyCase.safeguards.find((each) => each.id === id);
  const { evidence = [] } = found ?? {};
  return (
    !isWrong(shown, 'safeguards', id) &&
    evidence.length > 0 &&
    evidence.every((each) => shown.judged.evidence.get(each)?.standing === 'met')
  );
}

function claimStands(shown: CaseToShow, id: string): boolean {
  const { safeguards = [] } = shown.safetyCase.claims.find((each) => each.id === id) ?? {};
  return (
    !isWrong(shown, 'claims', id) && safeguards.length > 0 && safeguards.every((each) => safeguardStands(shown, each))
  );
}

function wayBlocks(shown: CaseToShow, way: SafetyCase['ways'][number]): Block[] {
  const { safetyCase: it } = shown;
  const claims = it.claims.filter(({ ways }) => ways.includes(way.id));
  const safeguards = it.safeguards.filter(({ id }) => claims.some((claim) => claim.safeguards?.includes(id)));
  const evidence = it.evidence.filter(({ id }) => safeguards.some((each) => each.evidence?.includes(id)));
  const nodes: ArgumentNode[] = [
    {
      ...{ id: 'way', kind: 'goal', label: way.id, text: `Kept acceptable: ${way.text}` },
      state: stateOf(
        !isWrong(shown, 'ways', way.id) && claims.length > 0 && claims.every(({ id }) => claimStands(shown, id)),
      ),
      supportedBy: claims.map(({ id }) => `k.${id}`),
    },
    ...claims.map(({ id, text, safeguards: on = [] }): ArgumentNode => {
      const state = stateOf(claimStands(shown, id));
      return { id: `k.${id}`, kind: 'goal', label: id, text, state, supportedBy: on.map((each) => `s.${each}`) };
    }),
    ...safeguards.map(({ id, text, evidence: on = [] }): ArgumentNode => {
      const state = stateOf(safeguardStands(shown, id));
      return { id: `s.${id}`, kind: 'goal', label: id, text, state, supportedBy: on.map((each) => `e.${each}`) };
    }),
    ...evidence.map(({ id, text }): ArgumentNode => {
      const state = stateOf(shown.judged.evidence.get(id)?.standing === 'met');
      return { id: `e.${id}`, kind: 'solution', label: id, text, state, supportedBy: [] };
    }),
  ];
  const caption = `${way.id}: claims, safeguards and evidence`;
  const covers = (way.of ?? []).map(({ framework, vector, category }) => `${framework}/${vector ?? category ?? ''}`);
  return [
    heading(`Way of harm: ${way.id}`, 3),
    paragraph(way.text),
    ...(covers.length > 0 ? [paragraph(`It covers ${covers.join(', ')}.`)] : []),
    { kind: 'figure', name: `way-${way.id}`, svg: drawArgument({ root: 'way', nodes }, caption), caption },
    ...(claims.some(({ argument }) => argument !== undefined)
      ? [list(claims.flatMap(({ id, argument }) => (argument === undefined ? [] : [`${id}: ${argument}`])))]
      : []),
  ];
}

function evidenceRows({ safetyCase: it, judged }: CaseToShow): string[][] {
  return it.evidence.map(({ id, text, result, metric, threshold, limits = '' }) => {
    const { is, atLeast, atMost } = threshold ?? {};
    const bounds = [is, atLeast !== undefined && `at least ${atLeast}`, atMost !== undefined && `at most ${atMost}`];
    const must = bounds.filter((each) => typeof each === 'string').join(', ');
    const { standing, found } = judged.evidence.get(id) ?? { standing: 'not-there', found: '' };
    const was = standing === 'met' ? found : `${standing}: ${found}`;
    return [id, `${text} (${result ?? metric})`, must || 'no threshold', was, limits];
  });
}

function reviews({ reviews: given = [] }: SafetyCase): Block[] {
  if (given.length === 0) {
    return [
      heading('Independent findings and reviews'),
      paragraph('None is attached: nobody outside has looked at this case.'),
    ];
  }
  return [
    heading('Independent findings and reviews'),
    table(
      ['Review', 'Kind', 'By', 'What they say', 'Signed statement'],
      given.map(({ id, kind, by, text, statement }) => [id, kind, by, text, statement]),
    ),
  ];
}

function deviations({ decision }: CaseToShow): Block[] {
  if (!decision) return [];
  const given = decision.document.deviations;
  return [
    heading('Deviations'),
    given.length === 0
      ? paragraph('None: no rule of a framework is set aside.')
      : table(
          ['Framework', 'Kind of deviation', 'Expires'],
          given.map(({ framework, deviation, expiresAt }) => [framework, deviation, expiresAt]),
        ),
  ];
}
