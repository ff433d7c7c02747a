-- What a finding takes for granted and what it gives, as abstract capabilities at positions: from these chains are found.
-- Positions name components, so they lie sealed. There is no column for anything that runs.
create table triage.links (
  case_id    text primary key references disclosure.cases (id),
  sealed     bytea not null,
  written_by text not null,
  written_at timestamptz not null default now()
);
