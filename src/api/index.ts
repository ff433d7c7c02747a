/** The door of the API. */
export { type ApiParts, addApi, type DisclosureRouteParts } from './api.ts';
