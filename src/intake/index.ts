/** The door of intake. */
export { type DecryptionKeys, openText, publicKeysOf, readKeys } from './decryption.ts';
export type { FateRefusal, SeenPair } from './fate-service.ts';
export { openFileSource, toSource } from './file-client.ts';
export { LOOK_UPS, type LookUp } from './identity.ts';
export { createIntake, type Imported, type Intake } from './intake.ts';
export type { SeenImport, SeenRecord } from './look-service.ts';
export { MERGES, REJECTIONS } from './piece.ts';
export { FORMATS, type Format } from './readers.ts';
export type { FateName } from './record-store.ts';
