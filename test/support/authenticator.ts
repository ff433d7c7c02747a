/** An authenticator in memory: makes a passkey (ES256, no attestation) as WebAuthn Level 3 section 6.5 lays it out. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { PublicKeyCredentialCreationOptionsJSON, RegistrationResponseJSON } from '@simplewebauthn/server';

/** User present, user verified, attested credential data included. */
const FLAGS = 0x45;
const ID_BYTES = 16;

export function makePasskey(options: PublicKeyCredentialCreationOptionsJSON, origin: string): RegistrationResponseJSON {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  // COSE (RFC 9053): {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
  const cose = Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    bytes(x),
    Buffer.from('225820', 'hex'),
    bytes(y),
  ]);
  const id = randomBytes(ID_BYTES);
  const data = Buffer.concat([
    createHash('sha256').update(new URL(origin).hostname).digest(),
    Buffer.from([FLAGS, 0, 0, 0, 0]),
    Buffer.alloc(16),
    Buffer.from([0, ID_BYTES]),
    id,
    cose,
  ]);
  // {"fmt": "none", "attStmt": {}, "authData": …}
  const attestation = Buffer.concat([
    Buffer.from('a363666d74646e6f6e656761747453746d74a06861757468446174615894', 'hex'),
    data,
  ]);
  const client = JSON.stringify({ type: 'webauthn.create', challenge: options.challenge, origin });
  return {
    id: id.toString('base64url'),
    rawId: id.toString('base64url'),
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: Buffer.from(client).toString('base64url'),
      attestationObject: attestation.toString('base64url'),
    },
  };
}
