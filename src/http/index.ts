export { createPublicServer } from './public-server.ts';
