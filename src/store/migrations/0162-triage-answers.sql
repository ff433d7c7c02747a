-- What people answered to a decision point that no document answers: how exposed systems are, what depends on them.
-- Keys and values are those of the published tables.
create table triage.answers (
  case_id     text not null references disclosure.cases (id),
  point       text not null check (point ~ '^[A-Z]{1,8}$'),
  value       text not null check (value ~ '^[A-Z]{1,8}$'),
  answered_by text not null,
  answered_at timestamptz not null default now(),
  primary key (case_id, point)
);
