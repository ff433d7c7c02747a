/**
 * SSVC decisions by the published tables (CERT/CC, CISA), shipped beside this file. A table is a list of rows over all
 * combinations of its decision points, so a decision is a look-up and nothing is computed.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import bod2604 from './schemas/ssvc/cisa_bod_26_04_1_0_0.json' with { type: 'json' };
import cisaCoordinator from './schemas/ssvc/cisa_coordinator_2_0_3.json' with { type: 'json' };
import publish from './schemas/ssvc/coordinator_publish_decision_table_1_0_0.json' with { type: 'json' };
import triage from './schemas/ssvc/coordinator_triage_1_0_0.json' with { type: 'json' };
import deployer from './schemas/ssvc/deployer_patch_application_priority_1_0_0.json' with { type: 'json' };
import humanImpact from './schemas/ssvc/human_impact_1_0_0.json' with { type: 'json' };
import safetyImpact from './schemas/ssvc/public_safety_impact_1_0_0.json' with { type: 'json' };
import supplier from './schemas/ssvc/supplier_patch_development_priority_1_0_0.json' with { type: 'json' };
import utility from './schemas/ssvc/utility_1_0_0.json' with { type: 'json' };

interface DecisionPoint {
  readonly key: string;
  readonly name: string;
  readonly values: readonly { readonly key: string; readonly name: string }[];
}

interface DecisionTable {
  readonly decision_points: Readonly<Record<string, DecisionPoint>>;
  /** The decision point that is the outcome. */
  readonly outcome: string;
  readonly mapping: readonly Readonly<Record<string, string>>[];
}

/** Named as the files are. */
const TABLES = {
  cisa_bod_26_04_1_0_0: bod2604,
  cisa_coordinator_2_0_3: cisaCoordinator,
  coordinator_publish_decision_table_1_0_0: publish,
  coordinator_triage_1_0_0: triage,
  deployer_patch_application_priority_1_0_0: deployer,
  human_impact_1_0_0: humanImpact,
  public_safety_impact_1_0_0: safetyImpact,
  supplier_patch_development_priority_1_0_0: supplier,
  utility_1_0_0: utility,
} as unknown as Readonly<Record<string, DecisionTable>>;

export const SSVC_TABLES: readonly string[] = Object.keys(TABLES);

export interface SsvcDecision {
  /** In the form in which the values were given: the table's short keys, or its names where a name was given. */
  readonly decision: string;
  readonly key: string;
  readonly name: string;
}

export type SsvcRefusal =
  | { readonly kind: 'no-such-table'; readonly table: string }
  | { readonly kind: 'no-such-point'; readonly point: string; readonly known: readonly string[] }
  | {
      readonly kind: 'no-such-value';
      readonly point: string;
      readonly value: string;
      readonly known: readonly string[];
    }
  | { readonly kind: 'missing-points'; readonly points: readonly string[] };

const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

/** Decision points by full id (`ssvc:E:1.1.0`), key or name; values by key or name. */
export function decideSsvc(
  tableName: string,
  given: readonly (readonly [point: string, value: string])[],
): Result<SsvcDecision, SsvcRefusal> {
  const table = Object.hasOwn(TABLES, tableName) ? TABLES[tableName] : undefined;
  if (!table) return refuse({ kind: 'no-such-table', table: tableName });
  const points = Object.entries(table.decision_points).filter(([id]) => id !== table.outcome);
  const chosen = new Map<string, string>();
  let isNamed = false;
  for (const [asked, value] of given) {
    const found = points.find(([id, { key, name }]) => [id, key, name].some((text) => same(text, asked)));
    if (!found) return refuse({ kind: 'no-such-point', point: asked, known: points.map(([id]) => id) });
    const [id, { values }] = found;
    const byKey = values.find(({ key }) => same(key, value));
    const match = byKey ?? values.find(({ name }) => same(name, value));
    if (!match) return refuse({ kind: 'no-such-value', point: id, value, known: values.map(({ key }) => key) });
    isNamed ||= byKey === undefined;
    chosen.set(id, match.key);
  }
  const missing = points.filter(([id]) => !chosen.has(id)).map(([id]) => id);
  if (missing.length > 0) return refuse({ kind: 'missing-points', points: missing });
  const row = table.mapping.find((each) => points.every(([id]) => each[id] === chosen.get(id)));
  const key = row?.[table.outcome];
  const outcome = table.decision_points[table.outcome]?.values.find((value) => value.key === key);
  // The published tables are complete: a hole is a damaged file.
  if (!key || !outcome) throw new Error(`${tableName} has no row for ${JSON.stringify([...chosen])}`);
  return ok({ decision: isNamed ? outcome.name : key, key, name: outcome.name });
}
