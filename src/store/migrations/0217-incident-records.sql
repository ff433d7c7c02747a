-- What was learnt from an incident once it was resolved: one document, by those who looked back.
create table release.incident_reviews (
  incident    text primary key references release.incidents,
  review      jsonb not null,
  sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  reviewed_at timestamptz not null,
  reviewed_by text not null
);

-- Records as they stand in the public log.
create table release.incident_publications (
  position     bigint generated always as identity primary key,
  incident     text not null references release.incidents,
  record       jsonb not null,
  sha256       text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
  entry_id     text not null,
  published_at timestamptz not null,
  published_by text not null
);
