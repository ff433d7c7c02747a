/** The door of the gateway. */
export { createGateway, type Gateway, type GatewayParts } from './gateway.ts';
export type { Guard, GuardBlock, GuardedCall, GuardSession, GuardVerdict } from './guard-hook.ts';
export { createUpstreams, type Upstreams } from './upstream-client.ts';
