create schema coordination;

-- A case as its parties share it: the sum of these rows, in order. Names, texts and addresses lie in `sealed`.
create table coordination.changes (
  position bigint generated always as identity primary key,
  case_id  text not null references disclosure.cases,
  kind     text not null,
  -- A party, or who acts for the installation.
  actor    text not null,
  at       timestamptz not null,
  sealed   bytea not null
);
create index changes_case on coordination.changes (case_id, position);

create trigger changes_append_only before update or delete or truncate on coordination.changes
  for each statement execute function disclosure.refuse_change();

-- Ways to a maintainer's page. The token stands nowhere but in the letter.
create table coordination.links (
  id         text primary key,
  case_id    text not null references disclosure.cases,
  party_id   text not null,
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check (expires_at > created_at)
);
create index links_case on coordination.links (case_id, party_id);
