-- The step that a model's rollout is at, as gateways know it. Keys of `base` and further in had the model before.
create table program.rollouts (
  id               text primary key references program.models,
  base             text not null check (base in ('closed', 'internal', 'partner', 'trusted', 'limited', 'general')),
  share_millionths integer not null check (share_millionths between 0 and 1000000),
  salt             bytea not null check (octet_length(salt) = 32),
  -- Keyed tags of countries. Null: everywhere.
  regions          text[] check (cardinality(regions) > 0),
  rates            jsonb not null
);
create trigger rollouts_note_change after insert or update or delete on program.rollouts
  for each row execute function program.note_change();

alter table release.rollouts add column base text not null default 'closed'
  check (base in ('closed', 'internal', 'partner', 'trusted', 'limited', 'general'));
-- When the step that it is at began. What is measured of a step is measured from here on.
alter table release.rollouts add column step_began_at timestamptz;
update release.rollouts set step_began_at = updated_at;
alter table release.rollouts alter column step_began_at set not null;

-- Results that a rollout's analyses may use: documents in the evidence store, and which metrics they gave.
create table release.rollout_files (
  position    bigint generated always as identity primary key,
  model       text not null references release.models,
  sha256      text not null check (sha256 ~ '^sha256:[0-9a-f]{64}$'),
  kind        text not null check (kind in ('evaluation-bounds', 'limit-pressure')),
  attached_at timestamptz not null,
  attached_by text not null
);
create index on release.rollout_files (model, attached_at);

-- What every analysis found: which metric, from which source, of which records.
create table release.rollout_analyses (
  position  bigint generated always as identity primary key,
  model     text not null references release.models,
  decision  text not null references release.enactments (decision),
  step      integer not null check (step >= 0),
  analysis  text not null check (analysis in ('success', 'failure', 'inconclusive')),
  measured  jsonb not null,
  at        timestamptz not null
);

-- A decision that rests on something that ends (a deviation) ends with it.
alter table release.decisions add column ends_at timestamptz;
