-- Keys of encrypted records, each wrapped by the master key that lies outside the database. A key that was shredded
-- keeps its row: that it existed, and when it was destroyed, is part of the record.
create table store.data_keys (
  id          text primary key,
  subject     text not null,
  -- Which master key wraps it: the first bytes of a hash, to name the right key file and nothing more.
  master_key  text not null,
  wrapped     bytea,
  created_at  timestamptz not null default now(),
  shredded_at timestamptz,
  check ((wrapped is null) = (shredded_at is not null))
);

create index data_keys_subject on store.data_keys (subject);

-- One row for each process that runs jobs. Its jobs are taken from it when its beat stops.
create table store.job_processes (
  id         text primary key,
  worker_ids text[] not null default '{}',
  -- Where it runs, so that a process on the same machine can see that it is gone before its beat is late.
  host       text not null,
  os_pid     integer not null,
  os_start   text not null,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now()
);
