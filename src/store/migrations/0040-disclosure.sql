create schema disclosure;

-- One flaw on its way to the public. Nothing here names a target: that lies in `details`, encrypted.
create table disclosure.cases (
  id              text primary key,
  version         integer not null check (version > 0),
  kind            text not null check (kind in ('real', 'demonstration')),
  time            text not null check (time in ('real', 'compressed')),
  policy          text not null,
  stage           text not null check (stage in ('received', 'confirmed', 'notified', 'acknowledged', 'patched',
                                                 'fix-released', 'disclosed', 'rejected', 'withdrawn')),
  embargo         text not null check (embargo in ('none', 'proposed', 'active', 'revise', 'exited')),
  opened_at       timestamptz not null,
  notified_at     timestamptz,
  due_at          timestamptz,
  is_extended     boolean,
  details_at      timestamptz,
  closed_at       timestamptz,
  -- What has happened in the world, and when (Vultron's V F D P X A).
  vendor_aware_at   timestamptz,
  fix_ready_at      timestamptz,
  fix_deployed_at   timestamptz,
  public_at         timestamptz,
  exploit_public_at timestamptz,
  attacked_at       timestamptz,
  unique (id, kind),
  -- The same rules as the Case union in disclosure/case.ts, checked on the way in.
  check (time = 'real' or kind = 'demonstration'),
  check ((notified_at is not null) = (stage in ('notified', 'acknowledged', 'patched', 'fix-released'))),
  check ((due_at is not null) = (stage in ('notified', 'acknowledged', 'patched'))),
  check ((is_extended is not null) = (stage in ('notified', 'acknowledged', 'patched'))),
  check ((details_at is not null) = (stage in ('fix-released', 'disclosed'))),
  check ((closed_at is not null) = (stage in ('disclosed', 'rejected', 'withdrawn'))),
  check (stage not in ('received', 'confirmed') or embargo = 'none'),
  check (stage not in ('fix-released', 'disclosed', 'rejected', 'withdrawn') or embargo in ('none', 'exited')),
  -- And of disclosure/cross-machine.ts and case-events.ts.
  check (embargo in ('none', 'exited') or (public_at is null and exploit_public_at is null and attacked_at is null)),
  check (fix_ready_at is null or vendor_aware_at is not null),
  check (fix_deployed_at is null or fix_ready_at is not null),
  check (exploit_public_at is null or public_at is not null),
  check (public_at is null or vendor_aware_at is not null),
  check (stage <> 'disclosed' or public_at is not null)
);

create index cases_stage on disclosure.cases (stage, opened_at);

-- The finding, its contacts and the secret half of its commitment, encrypted under the case's own key.
create table disclosure.details (
  case_id    text primary key references disclosure.cases,
  finding_id text not null unique,
  key_id     text not null references store.data_keys,
  finding    bytea not null,
  -- Master salt and values, as tlog/commitment.ts encodes them.
  sealed     bytea not null,
  -- Replaced when something is learnt: measured versions, a candidate patch, known ids.
  learnt     bytea not null
);

create table disclosure.commitments (
  id         text primary key,
  case_id    text not null unique references disclosure.cases,
  root       text not null check (root ~ '^[0-9a-f]{64}$'),
  sealed_at  timestamptz not null,
  opened_by  date not null,
  ended_at   timestamptz,
  how        text check (how in ('opened', 'withdrawn')),
  check ((ended_at is null) = (how is null))
);

-- Who takes part. Every party has a report state of its own; names and addresses are encrypted.
create table disclosure.case_parties (
  id        text primary key,
  case_id   text not null,
  case_kind text not null,
  position  integer not null check (position >= 0),
  role      text not null check (role in ('coordinator', 'vendor', 'finder', 'deployer')),
  simulated boolean not null,
  report    text not null check (report in ('start', 'received', 'invalid', 'valid', 'accepted', 'deferred', 'closed')),
  contact   bytea not null,
  unique (case_id, position),
  foreign key (case_id, case_kind) references disclosure.cases (id, kind),
  check (not simulated or case_kind = 'demonstration')
);

-- Proposals of an embargo and what became of them.
create table disclosure.embargoes (
  id          text primary key,
  case_id     text not null references disclosure.cases,
  proposed_by text references disclosure.case_parties,
  proposed_at timestamptz not null,
  due_at      timestamptz not null,
  state       text not null check (state in ('proposed', 'accepted', 'rejected', 'superseded', 'ended')),
  decided_at  timestamptz,
  check ((state = 'proposed') = (decided_at is null))
);

create index embargoes_case on disclosure.embargoes (case_id, proposed_at);

-- A deadline is a row, never a timer of a process.
create table disclosure.clocks (
  case_id    text not null references disclosure.cases,
  kind       text not null check (kind in ('opening', 'acknowledgement', 'disclosure', 'details')),
  policy     text not null,
  -- The step it was started by.
  origin     text not null,
  started_at timestamptz not null,
  due_at     timestamptz not null,
  stopped_at timestamptz,
  -- When the passing of `due_at` was noticed.
  reached_at timestamptz,
  primary key (case_id, kind)
);

create index clocks_running on disclosure.clocks (due_at) where stopped_at is null and reached_at is null;

-- Reports as they were rendered, encrypted.
create table disclosure.reports (
  id          text primary key,
  case_id     text not null references disclosure.cases,
  party_id    text not null references disclosure.case_parties,
  rendered_at timestamptz not null,
  sha256      text not null,
  sealed      bytea not null
);

-- What leaves. A row is written in the transaction that decides it, and sent once.
create table disclosure.outbox (
  id         text primary key,
  case_id    text not null,
  case_kind  text not null,
  report_id  text not null references disclosure.reports,
  channel    text not null check (channel in ('file', 'smtp')),
  -- The read-back key: the same message carries the same id however often it is tried.
  message_id text not null unique,
  sealed     bytea not null,
  state      text not null check (state in ('pending', 'sent', 'refused')),
  attempts   integer not null default 0,
  trouble    text,
  created_at timestamptz not null,
  sent_at    timestamptz,
  foreign key (case_id, case_kind) references disclosure.cases (id, kind),
  unique (report_id, channel),
  check ((state = 'sent') = (sent_at is not null)),
  -- A demonstration reaches no real channel, whatever a program above believes.
  check (channel = 'file' or case_kind = 'real')
);

create index outbox_open on disclosure.outbox (created_at) where state = 'pending';

-- What happened, in order. Rows are only ever added.
create table disclosure.case_events (
  position bigint generated always as identity primary key,
  case_id  text not null references disclosure.cases,
  -- The version the case had afterwards; null for what is no step (an export, a message sent).
  version  integer,
  event    text not null,
  stage    text not null,
  actor    text not null,
  at       timestamptz not null,
  note     text not null default '',
  unique (case_id, version)
);

create index case_events_case on disclosure.case_events (case_id, position);

create function disclosure.refuse_change() returns trigger language plpgsql as
$$ begin raise exception 'rows of % are only ever added', tg_table_name; end $$;

create trigger case_events_append_only before update or delete or truncate on disclosure.case_events
  for each statement execute function disclosure.refuse_change();

-- Releases: the act, by two signatures, that lets an advisory out.
create schema publish;

create table publish.releases (
  id           text primary key,
  case_id      text not null references disclosure.cases,
  sequence     integer not null check (sequence > 0),
  entry_id     text not null unique,
  -- The documents that the logged statement names, encrypted until they are public.
  documents    bytea not null,
  key_id       text not null references store.data_keys,
  not_before   timestamptz not null,
  state        text not null check (state in ('signed', 'accepted', 'published', 'refused')),
  signed_at    timestamptz not null,
  accepted_at  timestamptz,
  published_at timestamptz,
  trouble      text,
  -- What the public feed says of it, from its acceptance on.
  feed_item    jsonb,
  unique (case_id, sequence),
  check ((state in ('accepted', 'published')) = (feed_item is not null)),
  check ((state in ('accepted', 'published')) = (accepted_at is not null)),
  check ((state = 'published') = (published_at is not null)),
  check ((state = 'refused') = (trouble is not null))
);

-- At most one release of a case is on its way.
create unique index releases_open on publish.releases (case_id) where state in ('signed', 'accepted');

-- Release keys whose public half the log has named.
create table publish.release_keys (
  name     text primary key,
  vkey     text not null unique,
  entry_id text not null
);
