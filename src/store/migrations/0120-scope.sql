create schema scope;

-- What an organisation may use the model on. A call is made under one of them.
create table scope.scopes (
  id            text primary key,
  organisation  text not null,
  created_at    timestamptz not null,
  -- An end the organisation asked for; each asset has its own besides.
  ends_at       timestamptz,
  withdrawn_at  timestamptz
);
create index on scope.scopes (organisation);

create table scope.assets (
  id            text primary key,
  scope_id      text not null references scope.scopes,
  -- In canonical spelling.
  asset         text not null,
  method        text check (method in ('dns', 'well-known', 'branch', 'registry')),
  token         text check (token ~ '^[0-9a-f]{64}$'),
  state         text not null check (state in ('waiting', 'standing', 'lapsed', 'withdrawn')),
  basis         jsonb,
  since         timestamptz,
  until         timestamptz,
  withdrawn_at  timestamptz,
  -- A clock: when the proof is looked at again, or the asset lapses.
  due_at        timestamptz,
  -- Of the last look that did not succeed; for the owner.
  trouble       text,
  version       integer not null,
  unique (scope_id, asset),
  check ((method is null) = (token is null)),
  check ((state in ('standing', 'lapsed')) = (basis is not null and since is not null and until is not null)),
  check ((state = 'withdrawn') = (withdrawn_at is not null)),
  check ((state = 'standing') = (due_at is not null))
);
create index on scope.assets (due_at) where due_at is not null;

-- The keys by which an organisation authorises others.
create table scope.signers (
  organisation  text not null,
  public_key    bytea not null check (length(public_key) = 32),
  name          text not null,
  added_at      timestamptz not null,
  removed_at    timestamptz,
  primary key (organisation, public_key)
);

-- Signed authorisations and lists, as they came. The id is the SHA-256 of the bytes.
create table scope.documents (
  id            text primary key check (id ~ '^[0-9a-f]{64}$'),
  kind          text not null check (kind in ('authorisation', 'critical-list')),
  body          bytea not null,
  imported_at   timestamptz not null
);
