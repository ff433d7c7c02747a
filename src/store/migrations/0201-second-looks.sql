create schema secondlook;

-- One row: how many of a thousand records are looked at again, and by how many persons each.
create table secondlook.settings (
  only_row     boolean primary key default true check (only_row),
  per_thousand integer not null default 50 check (per_thousand between 0 and 1000),
  persons      integer not null default 1 check (persons between 1 and 2)
);
insert into secondlook.settings default values;

-- Records drawn for a second look, by a keyed hash of their id; which record it is lies encrypted, because beside a
-- candidate's place in its campaign it would tell in which package nothing was confirmed.
create table secondlook.drawn (
  id            text primary key check (id ~ '^second_[0-9a-f]{32}$'),
  kind          text not null check (kind in ('intake-rejection', 'verify-rejection', 'low-verdict')),
  sealed_record bytea not null,
  drawn_at      timestamptz not null default now(),
  -- How many verdicts decide it: as it was set when it was drawn.
  persons       integer not null check (persons between 1 and 2),
  outcome       text check (outcome in ('stands', 'reopened')),
  decided_at    timestamptz,
  check ((outcome is null) = (decided_at is null))
);
create index drawn_open on secondlook.drawn (drawn_at) where outcome is null;

-- What each person said. The note may name the flaw and lies encrypted.
create table secondlook.verdicts (
  drawn_id text not null references secondlook.drawn,
  person   text not null check (length(person) between 1 and 200),
  verdict  text not null check (verdict in ('stands', 'does-not-stand')),
  note     bytea not null,
  at       timestamptz not null default now(),
  primary key (drawn_id, person)
);
create trigger verdicts_append_only before update or delete or truncate on secondlook.verdicts
  for each statement execute function disclosure.refuse_change();

-- What was decided is not rewritten, and nothing drawn goes away.
create function secondlook.keep_outcome() returns trigger language plpgsql as $$
begin
  raise exception 'a second look is decided once';
end
$$;
create trigger drawn_keep_outcome before update on secondlook.drawn
  for each row when (old.outcome is not null) execute function secondlook.keep_outcome();
create trigger drawn_no_delete before delete or truncate on secondlook.drawn
  for each statement execute function disclosure.refuse_change();
