/** A store that cannot be opened, told so that its operator knows what to do. Nothing was changed when it is thrown. */
export type StoreTrouble =
  | 'busy'
  | 'checksum'
  | 'full-disk'
  | 'missing-binaries'
  | 'not-empty'
  | 'unreachable'
  | 'wrong-key'
  | 'wrong-migrations'
  | 'wrong-owner'
  | 'wrong-permissions'
  | 'wrong-version'
  | 'will-not-start';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly trouble: StoreTrouble;

  constructor(trouble: StoreTrouble, message: string, options?: ErrorOptions) {
    super(message, options);
    this.trouble = trouble;
  }
}
