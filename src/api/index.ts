/** The door of the API. */
export { type ApiParts, addApi } from './api.ts';
