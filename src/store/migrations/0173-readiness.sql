create schema readiness;

-- What was found when a report was followed by machine, and who signed it off. Rows are only ever added.
create table readiness.words (
  position bigint generated always as identity primary key,
  case_id  text not null references disclosure.cases,
  kind     text not null check (kind in ('check', 'sign-off')),
  -- Of the report, without dates and links: another text is another report.
  digest   text not null check (digest ~ '^[0-9a-f]{64}$'),
  at       timestamptz not null,
  sealed   bytea not null
);
create index words_case on readiness.words (case_id, kind, position);

create trigger words_append_only before update or delete or truncate on readiness.words
  for each statement execute function disclosure.refuse_change();
