/** The door of policy: frameworks as data. Pure; nothing here reads a file, a clock or a database. */
export { type Framework, isSourceVerified, labelOf } from './framework.ts';
export {
  checkTogether,
  type FrameworkRefusal,
  MAX_FRAMEWORK_BYTES,
  readFramework,
  readFrameworkValue,
} from './read-framework.ts';
export { shippedFrameworks } from './shipped.ts';
