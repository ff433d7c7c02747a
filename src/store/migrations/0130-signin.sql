create schema signin;

-- Public keys of authenticators. The private halves never leave them.
create table signin.passkeys (
  -- base64url, given by the authenticator.
  id           text primary key,
  person       text not null,
  public_key   bytea not null,
  counter      bigint not null,
  transports   text[] not null,
  aaguid       text not null,
  -- Copied between devices by its maker's cloud.
  is_synced    boolean not null,
  created_at   timestamptz not null,
  last_used_at timestamptz,
  removed_at   timestamptz
);
create index on signin.passkeys (person) where removed_at is null;

-- A link that lets one person enrol one passkey, once. Only the hash of its token is kept.
create table signin.invitations (
  id          text primary key,
  person      text not null,
  token_hash  bytea not null unique check (length(token_hash) = 32),
  reason      text not null check (reason in ('joining', 'recovery')),
  made_by     text not null,
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  used_at     timestamptz
);
create index on signin.invitations (person);

-- What an authenticator was asked to sign; taken away by the first answer, right or wrong.
create table signin.challenges (
  id          text primary key,
  challenge   text not null,
  purpose     text not null check (purpose in ('enrol', 'sign-in')),
  invitation  text references signin.invitations,
  expires_at  timestamptz not null
);

create table signin.sessions (
  -- SHA-256 of the cookie's value, which is not kept.
  token_hash    bytea primary key check (length(token_hash) = 32),
  person        text not null,
  method        text not null check (method in ('passkey', 'provider')),
  is_resistant  boolean not null,
  created_at    timestamptz not null,
  seen_at       timestamptz not null,
  ended_at      timestamptz
);
create index on signin.sessions (person) where ended_at is null;

-- argon2id of each code; each is good for one recovery.
create table signin.recovery_codes (
  person      text not null,
  position    integer not null,
  salt        bytea not null,
  hash        bytea not null,
  used_at     timestamptz,
  primary key (person, position)
);
-- Codes tried for one mail address, whether anybody has it or not, so that guessing ends.
create table signin.recovery_attempts (
  address_hash bytea not null,
  at           timestamptz not null
);
create index on signin.recovery_attempts (address_hash, at);

-- An organisation's own OpenID provider.
create table signin.providers (
  organisation  text primary key,
  issuer        text not null,
  client_id     text not null,
  -- The environment variable that holds the client secret; never the secret.
  secret_env    text not null,
  domains       text[] not null check (cardinality(domains) > 0),
  -- The organisation attests that every sign-in there is phishing-resistant, whatever its tokens say.
  attests       boolean not null
);

-- Sign-ins that are at the provider now; taken away by the first answer.
create table signin.logins (
  state_hash    bytea primary key check (length(state_hash) = 32),
  organisation  text not null references signin.providers,
  nonce         text not null,
  code_verifier text not null,
  expires_at    timestamptz not null
);

-- Who somebody at a provider is here. After the first sign-in the provider's `sub` counts, not the mail address.
create table signin.identities (
  organisation  text not null references signin.providers,
  subject       text not null,
  person        text not null,
  linked_at     timestamptz not null,
  primary key (organisation, subject)
);

create table signin.roles (
  person        text not null,
  role          text not null check (role in ('admin', 'safeguards-lead', 'reviewer', 'approver', 'coordinator', 'member', 'auditor')),
  given_by      text not null,
  given_at      timestamptz not null,
  primary key (person, role)
);
