create schema intake;

-- One file, mail, form or campaign that reports came in with. Its name and everything it said lie sealed.
create table intake.imports (
  id            text primary key,
  key_id        text not null references store.data_keys,
  -- HMAC of its bytes and the form they were read as: the same bytes again are the same import.
  identity      bytea not null unique,
  format        text not null,
  source        text not null check (source in ('file', 'mail', 'form', 'campaign')),
  sealed_about  bytea not null,
  -- Records whose fate is decided, from the first one on without a gap.
  received      bigint not null default 0,
  canonical     bigint not null default 0 check (canonical >= 0),
  merged        bigint not null default 0 check (merged >= 0),
  rejected      bigint not null default 0 check (rejected >= 0),
  -- Of the merged ones, those that were here already, letter by letter: they left no row.
  known         bigint not null default 0 check (known between 0 and merged),
  -- Why nothing of it could be read.
  refused       text,
  started_at    timestamptz not null default now(),
  finished_at   timestamptz,
  constraint nothing_is_lost check (received = canonical + merged + rejected)
);

-- One report as it came in, and what became of it.
create table intake.records (
  number          bigint generated always as identity primary key,
  id              text not null unique,
  import_id       text not null references intake.imports,
  ordinal         bigint not null check (ordinal >= 0),
  -- HMAC of everything it says and of its own bytes.
  identity        bytea not null unique,
  fate            text not null check (fate in ('canonical', 'merged', 'rejected')),
  merged_into     text references intake.records (id),
  -- Of a merged or rejected one; a word of a closed list, never of the report.
  reason          text,
  -- What it says, read into one form; and the bytes it came in.
  sealed_claim    bytea not null,
  sealed_original bytea,
  received_at     timestamptz not null default now(),
  unique (import_id, ordinal),
  check ((fate = 'canonical') = (reason is null)),
  check ((fate = 'merged') = (merged_into is not null)),
  check (merged_into <> id)
);
-- Ciphertext does not compress.
alter table intake.records alter column sealed_claim set storage external, alter column sealed_original set storage external;
create index records_fate on intake.records (fate, number);
create index records_merged_into on intake.records (merged_into) where merged_into is not null;

-- Bytes of a record too long for one row, in order.
create table intake.parts (
  record_id  text not null references intake.records (id),
  part       integer not null check (part >= 0),
  sealed     bytea not null,
  primary key (record_id, part)
);
alter table intake.parts alter column sealed set storage external;

-- Blind indexes: HMACs under a key per field, by which records are found and compared without being opened.
create table intake.blinds (
  blind   bytea not null,
  number  bigint not null references intake.records,
  primary key (blind, number)
);

-- What a person changed of a fate, and from what; nothing here is ever changed.
create table intake.decisions (
  id          bigint generated always as identity primary key,
  record_id   text not null references intake.records (id),
  was         text not null,
  was_into    text,
  was_reason  text,
  became      text not null,
  into_id     text,
  actor       text not null,
  decided_at  timestamptz not null default now()
);

-- Two canonical records that may be one flaw: shown side by side until a person says.
create table intake.pairs (
  left_id      text not null references intake.records (id),
  right_id     text not null references intake.records (id),
  probability  double precision not null check (probability between 0 and 1),
  sealed_reasons bytea not null,
  -- Under which data key the reasons lie.
  key_id       text not null references store.data_keys,
  state        text not null default 'open' check (state in ('open', 'merged', 'distinct')),
  found_at     timestamptz not null default now(),
  primary key (left_id, right_id),
  check (left_id < right_id)
);
create index pairs_open on intake.pairs (probability desc) where state = 'open';
