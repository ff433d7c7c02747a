create schema journal;

-- What was asked of models on one day (UTC) lies in files, encrypted under a key of that day. The key is sealed here under
-- a data key; when the retention ends the data key is shredded, and what is left of the files says nothing any more.
create table journal.prompt_days (
  day          date primary key,
  key_id       text not null references store.data_keys,
  sealed_key   bytea not null,
  destroyed_at timestamptz
);
