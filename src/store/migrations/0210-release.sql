-- Decisions on stages, what they opened, and incidents. Documents lie in the evidence store, named here by hash.
create schema release;

create table release.models (
  id               text primary key,
  digest           text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
  -- Set once: simulated evidence counts for a demonstration, and for nothing else.
  is_demonstration boolean not null,
  registered_by    text not null,
  registered_at    timestamptz not null
);

create table release.decisions (
  sha256      text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  model       text not null,
  asked       text not null check (asked in ('internal', 'partners', 'trusted', 'limited', 'general')),
  stage       text not null check (stage in ('closed', 'internal', 'partners', 'trusted', 'limited', 'general')),
  granted     boolean not null check (granted = (stage = asked)),
  semantics   integer not null check (semantics > 0),
  as_of       timestamptz not null,
  entry_id    text not null,
  recorded_at timestamptz not null
);

create table release.enactments (
  position   bigint generated always as identity primary key,
  decision   text not null unique references release.decisions,
  signatures text not null check (signatures ~ '^sha256:[0-9a-f]{64}$'),
  entry_id   text not null,
  enacted_at timestamptz not null,
  reversed_by text,
  reversed_at timestamptz,
  check ((reversed_by is null) = (reversed_at is null))
);

create table release.stages (
  model        text primary key references release.models,
  decision     text not null references release.enactments (decision),
  stage        text not null check (stage in ('internal', 'partners', 'trusted', 'limited', 'general')),
  since        timestamptz not null
);

-- Closes a model whatever was decided, until it is lifted. Several may stand at once.
create table release.suspensions (
  id           text primary key,
  model        text not null,
  kind         text not null check (kind in ('incident', 'order', 'analysis', 'person')),
  reason       text not null,
  asked_by     text not null,
  suspended_at timestamptz not null,
  lifted_by    text,
  lifted_at    timestamptz,
  check ((lifted_by is null) = (lifted_at is null))
);
create index on release.suspensions (model) where lifted_at is null;

create table release.incidents (
  id         text primary key,
  model      text,
  severity   text not null check (severity in ('low', 'moderate', 'serious', 'critical')),
  state      text not null check (state in ('open', 'contained', 'resolved', 'reviewed')),
  record     jsonb not null,
  owner      text not null,
  summary    text not null,
  version    integer not null check (version > 0),
  opened_at  timestamptz not null
);
create table release.incident_events (
  position bigint generated always as identity primary key,
  incident text not null references release.incidents,
  at       timestamptz not null,
  actor    text not null,
  event    text not null,
  note     text not null default ''
);

create table release.rollouts (
  model      text primary key references release.models,
  decision   text not null references release.enactments (decision),
  plan       jsonb not null,
  step       integer not null check (step >= 0),
  state      text not null check (state in ('running', 'paused', 'done', 'rolled-back')),
  failures   integer not null check (failures >= 0),
  inconclusive integer not null check (inconclusive >= 0),
  version    integer not null check (version > 0),
  updated_at timestamptz not null
);
