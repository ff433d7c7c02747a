create schema funding;

-- Projects that money was proposed for. The name lies encrypted: that a project needs money tells that flaws are open there.
create table funding.projects (
  -- HMAC of the name.
  id   text primary key,
  name bytea not null
);

-- Who asked for what; the lines name projects and lie encrypted.
create table funding.proposals (
  id          text primary key,
  proposed_by text not null,
  proposed_at timestamptz not null,
  micro       bigint not null check (micro between 1 and 9007199254740991),
  sealed      bytea not null,
  posted_at   timestamptz,
  refused_at  timestamptz,
  refused_by  text,
  check (posted_at is null or refused_at is null),
  check ((refused_at is null) = (refused_by is null))
);

create table funding.approvals (
  proposal_id text not null references funding.proposals,
  person      text not null,
  approved_at timestamptz not null,
  primary key (proposal_id, person)
);
create trigger approvals_append_only before update or delete or truncate on funding.approvals
  for each statement execute function disclosure.refuse_change();

-- What the public accounts named last. A name that was public once stays: its absence would tell of a new case.
create table funding.named (
  project text primary key,
  micro   bigint not null check (micro between 1 and 9007199254740991)
);
