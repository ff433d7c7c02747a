-- What one person asked for and another must agree to, before it is done.
create table program.proposals (
  id         text primary key,
  kind       text not null check (kind in ('approve-organisation', 'give-role', 'invite', 'lift-stop', 'restore-stop')),
  -- An organisation, a person or a stop.
  subject    text not null,
  details    text[] not null,
  asked_by   text not null,
  asked_at   timestamptz not null,
  expires_at timestamptz not null check (expires_at > asked_at),
  decided_by text,
  decided_at timestamptz,
  -- agreed: somebody agreed, and how it was carried out is not known.
  outcome    text check (outcome in ('agreed', 'done', 'refused', 'withdrawn')),
  check ((decided_by is null) = (decided_at is null)),
  check ((decided_by is null) = (outcome is null)),
  check (outcome = 'withdrawn' or decided_by <> asked_by)
);

create index proposals_asked on program.proposals (asked_at, id);

create schema api;

-- Requests that must not be done twice, by the key that their sender chose. No answer here holds a secret.
create table api.requests (
  person         text not null,
  -- SHA-256 of the key, and of method, path and body.
  key_hash       bytea not null check (length(key_hash) = 32),
  request_sha256 bytea not null check (length(request_sha256) = 32),
  begun_at       timestamptz not null,
  -- Null until it is known how it ended.
  status         integer,
  answer         jsonb,
  primary key (person, key_hash),
  check ((status is null) = (answer is null))
);

create index requests_begun on api.requests (begun_at);
