create schema campaign;

-- A list of targets taken through the whole path, with its seed.
create table campaign.campaigns (
  id              text primary key,
  kind            text not null check (kind in ('demonstration', 'real')),
  seed            integer not null,
  sandbox_profile text not null check (sandbox_profile in ('full', 'user')),
  started_at      timestamptz not null,
  finished_at     timestamptz,
  -- Summary of a finished campaign: counts only.
  summary         jsonb,
  check ((finished_at is null) = (summary is null))
);

-- A target's name is no secret; that something was found in it is: only counts stand here.
create table campaign.targets (
  id              text primary key,
  campaign_id     text not null references campaign.campaigns,
  position        integer not null check (position >= 0),
  target          text not null,
  state           text not null check (state in ('waiting', 'scanned', 'unavailable')),
  reason          text,
  -- Engine cost and coverage of a scanned target.
  cost            jsonb,
  unique (campaign_id, position),
  check ((state = 'unavailable') = (reason is not null)),
  check ((state = 'scanned') = (cost is not null))
);

-- Claims waiting for verification, sealed: they hold the plan of a reproducer.
create table campaign.candidates (
  id              text primary key,
  target_id       text not null references campaign.targets,
  ordinal         integer not null check (ordinal >= 0),
  key_id          text not null,
  sealed          bytea not null,
  state           text not null check (state in ('waiting', 'confirmed', 'duplicate', 'rejected')),
  unique (target_id, ordinal)
);
