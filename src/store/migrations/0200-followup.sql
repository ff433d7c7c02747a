create schema followup;

-- Where new releases of a package are looked for. The package is known by a blind index; its name and place lie encrypted.
create table followup.watches (
  id         text primary key check (id ~ '^watch_[0-9a-f]{32}$'),
  package_id text not null check (package_id ~ '^[0-9a-f]{64}$'),
  source     text not null check (source in ('npm', 'git', 'debian')),
  key_id     text not null references store.data_keys,
  -- Grows by one with every look that changed something here: of two looks at once, one is kept.
  version    integer not null default 1,
  -- Name and place, and what the source told last: its releases, its entity tag.
  sealed     bytea not null,
  looked_at  timestamptz,
  next_at    timestamptz not null default now(),
  failures   integer not null default 0 check (failures >= 0),
  -- Of the last look, where it failed.
  trouble    text check (trouble in ('not-found', 'refused', 'unreachable', 'garbled', 'too-large', 'not-allowed', 'unsupported')),
  unique (package_id, source)
);

-- A release seen for a case, and what the reproducer did on it. Which release it is lies encrypted under the case's key.
create table followup.releases (
  id       text primary key check (id ~ '^release_[0-9a-f]{32}$'),
  case_id  text not null references disclosure.cases,
  -- Blind index of source and version.
  name_id  text not null check (name_id ~ '^[0-9a-f]{64}$'),
  sealed   bytea not null,
  seen_at  timestamptz not null default now(),
  outcome  text check (outcome in ('still-there', 'fixed', 'unclear')),
  tried_at timestamptz,
  -- Why, and how often it fired.
  trial    bytea,
  unique (case_id, name_id),
  check ((outcome is null) = (tried_at is null) and (outcome is null) = (trial is null))
);
create index releases_waiting on followup.releases (seen_at) where outcome is null;

-- What came of a trial is never rewritten.
create function followup.keep_trial() returns trigger language plpgsql as $$
begin
  raise exception 'the trial of a release is written once';
end
$$;
create trigger releases_keep_trial before update on followup.releases
  for each row when (old.outcome is not null) execute function followup.keep_trial();
create trigger releases_no_delete before delete or truncate on followup.releases
  for each statement execute function disclosure.refuse_change();

-- A flaw that was fixed and came back is a case of its own, once.
create table followup.reopenings (
  case_id     text primary key references disclosure.cases,
  reopened_as text not null unique references disclosure.cases,
  release_id  text not null references followup.releases,
  at          timestamptz not null default now()
);
create trigger reopenings_append_only before update or delete or truncate on followup.reopenings
  for each statement execute function disclosure.refuse_change();

-- That a maintainer was asked about a fix that nobody released.
create table followup.chases (
  case_id text not null references disclosure.cases,
  round   integer not null check (round >= 1),
  actor   text not null,
  at      timestamptz not null,
  primary key (case_id, round)
);
create trigger chases_append_only before update or delete or truncate on followup.chases
  for each statement execute function disclosure.refuse_change();

-- One row: who takes the step that a verified fix asks for, and when a fix without a release is stale.
create table followup.settings (
  only_row   boolean primary key default true check (only_row),
  stepped_by text not null default 'person' check (stepped_by in ('person', 'machine')),
  stale_days integer not null default 30 check (stale_days between 1 and 3650)
);
insert into followup.settings default values;
