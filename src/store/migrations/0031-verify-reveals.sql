-- Each time the text of a reproducer was shown or written out, and by which command.
create table verify.reveals (
  id          bigint generated always as identity primary key,
  finding_id  text not null references verify.findings,
  command     text not null,
  revealed_at timestamptz not null
);
