/** What every request form has in common. */
import type { Json } from '../lib/canonical-json.ts';
import type { JsonObject } from './json-text.ts';

/** By which servers in front of several providers let a request choose another model, or what it costs. */
export const ROUTING_FIELDS = ['models', 'provider', 'plugins', 'route', 'preset'];
export const MAX_TOOLS = 1_024;

/** Those that are there. */
export function pickFields(body: JsonObject, names: readonly string[]): Record<string, Json> {
  const picked: Record<string, Json> = {};
  for (const name of names) {
    const value = body[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
