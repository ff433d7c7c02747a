create schema campaign;

-- A list of targets taken through the whole path, with its seed.
create table campaign.campaigns (
  id              text primary key,
  kind            text not null check (kind in ('demonstration', 'real')),
  -- The campaign file's content, sealed: which targets, and the public advisories by which a flaw in them is known.
  sealed_file     bytea not null,
  sandbox_profile text not null check (sandbox_profile in ('full', 'user')),
  started_at      timestamptz not null,
  finished_at     timestamptz,
  -- Summary of a finished campaign: counts only.
  summary         jsonb,
  check ((finished_at is null) = (summary is null))
);

-- Which target this is, is sealed: beside it stands whether something was found.
create table campaign.targets (
  id              text primary key,
  campaign_id     text not null references campaign.campaigns,
  position        integer not null check (position >= 0),
  sealed_target   bytea not null,
  state           text not null check (state in ('waiting', 'scanned', 'unavailable')),
  reason          text,
  -- Engine cost of a scanned target: numbers only. What was not covered may name functions and is sealed.
  cost            jsonb,
  sealed_skipped  bytea,
  unique (campaign_id, position),
  check ((state = 'unavailable') = (reason is not null)),
  check ((state = 'scanned') = (cost is not null)),
  check ((state = 'scanned') = (sealed_skipped is not null))
);

-- Claims waiting for verification and what became of them, sealed: they hold the plan of a reproducer.
create table campaign.candidates (
  id              text primary key,
  target_id       text not null references campaign.targets,
  ordinal         integer not null check (ordinal >= 0),
  sealed          bytea not null,
  state           text not null check (state in ('waiting', 'confirmed', 'duplicate', 'rejected')),
  -- Why it was rejected, sealed.
  sealed_reason   bytea,
  case_id         text,
  unique (target_id, ordinal),
  check ((state in ('confirmed', 'duplicate')) = (case_id is not null)),
  check ((state = 'rejected') = (sealed_reason is not null))
);
