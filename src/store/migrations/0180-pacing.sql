create schema pacing;

-- Who may be sent how much. A project is known by a blind index (an HMAC of its name); the name lies encrypted.
create table pacing.projects (
  id            text primary key check (id ~ '^[0-9a-f]{64}$'),
  key_id        text not null references store.data_keys,
  name          bytea not null,
  channel       text not null default 'private' check (channel in ('private', 'public', 'cna', 'not-wanted')),
  most_open     integer check (most_open between 0 and 10000),
  most_per_week integer check (most_per_week between 0 and 10000),
  asked_rate    double precision not null default 1 check (asked_rate between 0.0625 and 16)
);

-- What its maintainers asked for, and who wrote it down.
create table pacing.wishes (
  id         bigint generated always as identity primary key,
  project_id text not null references pacing.projects,
  wish       text not null,
  actor      text not null,
  at         timestamptz not null default now()
);

create index wishes_project on pacing.wishes (project_id, id);

-- Lists of projects that take no reports, as others keep them. A new version of a list replaces the old one.
create table pacing.opt_out_lists (
  name        text primary key,
  sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  imported_at timestamptz not null default now()
);

-- The project need not be known here: no foreign key.
create table pacing.opt_outs (
  list       text not null references pacing.opt_out_lists on delete cascade,
  project_id text not null check (project_id ~ '^[0-9a-f]{64}$'),
  primary key (list, project_id)
);

create index opt_outs_project on pacing.opt_outs (project_id);

-- What waits for its turn, what was sent, and how that ended. Real cases only; the rest is in `disclosure`.
create table pacing.reports (
  case_id      text primary key,
  case_kind    text not null default 'real' check (case_kind = 'real'),
  project_id   text not null references pacing.projects,
  outcome      text not null check (outcome in ('defer', 'scheduled', 'out-of-cycle', 'immediate')),
  is_exploited boolean not null,
  is_chained   boolean not null,
  dependents   integer not null check (dependents >= 0),
  -- Blind index of what related findings have in common.
  relation     text,
  found_at     timestamptz not null,
  -- Confirmed, and so may be sent.
  is_ready     boolean not null,
  sent_at      timestamptz,
  -- Null where it was not sent by its turn in the queue but by a person's own step.
  released_by  text,
  ended_at     timestamptz,
  how          text check (how in ('fixed', 'missed', 'answered')),
  foreign key (case_id, case_kind) references disclosure.cases (id, kind),
  check ((ended_at is null) = (how is null)),
  check (released_by is null or sent_at is not null)
);

create index reports_waiting on pacing.reports (project_id) where sent_at is null and ended_at is null;
create index reports_sent on pacing.reports (project_id, sent_at) where sent_at is not null;

-- One row: who lets reports go. By default a person does.
create table pacing.settings (
  only_row     boolean primary key default true check (only_row),
  released_by  text not null default 'person' check (released_by in ('person', 'policy')),
  most_per_day integer check (most_per_day between 0 and 100000)
);

insert into pacing.settings default values;

-- The last guard, whatever a program above believes: what was declared is not passed.
create function pacing.keep_limit() returns trigger language plpgsql as $$
declare
  declared pacing.projects%rowtype;
begin
  select * into declared from pacing.projects where id = new.project_id for update;
  if declared.most_open is not null and declared.most_open <= (
    select count(*) from pacing.reports
     where project_id = new.project_id and sent_at is not null and ended_at is null and case_id <> new.case_id) then
    raise exception 'the project has as many reports open as it declared';
  end if;
  if declared.most_per_week is not null and declared.most_per_week <= (
    select count(*) from pacing.reports
     where project_id = new.project_id and sent_at > now() - interval '7 days' and case_id <> new.case_id) then
    raise exception 'the project was sent as many reports in seven days as it declared';
  end if;
  return new;
end
$$;

-- What a person sent outside the queue is counted when it is noticed; it cannot be held back any more.
create trigger reports_keep_limit before update on pacing.reports
  for each row when (old.sent_at is null and new.released_by is not null) execute function pacing.keep_limit();
