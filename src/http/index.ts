export { listenOnLoopback, PortInUse } from './listen.ts';
export { addMaintainerRoutes } from './maintainer-routes.ts';
export {
  type AnyRefusal,
  type Complaint,
  PROBLEM_KINDS,
  PROBLEM_TYPE,
  type RequestRefusal,
  sendProblem,
  toProblem,
} from './problem.ts';
export { createPublicServer } from './public-server.ts';
export { addReportRoutes, type ReportRouteParts } from './report-routes.ts';
export { endSession, isSameOrigin, readSession } from './session-cookie.ts';
export { addSignInRoutes } from './signin-routes.ts';
export { createStatusServer, type StatusServerParts } from './status-server.ts';
