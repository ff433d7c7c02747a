export { listenOnLoopback, PortInUse } from './listen.ts';
export { createPublicServer } from './public-server.ts';
export { addSignInRoutes } from './signin-routes.ts';
export { createStatusServer, type StatusServerParts } from './status-server.ts';
