/** What every request form has in common. */

/** By which servers in front of several providers let a request choose another model, or what it costs. */
export const ROUTING_FIELDS = ['models', 'provider', 'plugins', 'route', 'preset'];
export const MAX_TOOLS = 1_024;
