/** The door of sign-in: is it really that person, at this browser. */
export { createProviderClient } from './provider-client.ts';
export type { Provider } from './provider-store.ts';
export { ACT_NAMES, type Act, checkAct, isRole, isWeighty, ROLES, type Role, type RoleRefusal } from './role.ts';
export { needsResistance, SESSION_HOURS } from './session.ts';
export { createSignIn, type Present, type SignIn, type SignInPerson, type SignInRefusal } from './signin.ts';
