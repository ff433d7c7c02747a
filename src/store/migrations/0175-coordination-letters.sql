-- Letters to parties beside the report: one of a kind to each party, and one coordinator asked per case, whoever tries.
create table coordination.letters (
  case_id    text not null references disclosure.cases,
  party_id   text not null,
  kind       text not null check (kind in ('invitation', 'escalation')),
  message_id text not null unique,
  posted_at  timestamptz not null,
  primary key (case_id, party_id, kind)
);
create unique index letters_escalation on coordination.letters (case_id) where kind = 'escalation';

create trigger letters_append_only before update or delete or truncate on coordination.letters
  for each statement execute function disclosure.refuse_change();
