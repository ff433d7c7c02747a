/** The door of what strangers send. */
export { createInbound, type Fate, type Inbound } from './inbound.ts';
export { findClaims, listTurnedAway, type TurnedAway } from './inbound-store.ts';
export { type MailDoor, type MailDoorSettings, openMailDoor } from './mail-door-service.ts';
export {
  type Filled,
  FORM_LIMITS,
  type FormField,
  type FormRefusal,
  KNOWN_TO,
  SEVERITY_WORDS,
  STAMP,
  TRAP,
} from './report-form.ts';
export { createTurningAway, type TurningAway } from './turned-away-service.ts';
