create schema verify;

-- What was found to be real. Which package, which class, which statement: all of that is in `sealed`, under a data key
-- of the finding's own. The fingerprint is keyed, so that nobody can try names against it.
create table verify.findings (
  id          text primary key,
  version     integer not null check (version > 0),
  campaign_id text,
  status      text not null check (status in ('candidate', 'confirmed', 'rejected')),
  -- One root cause is one row, however often a job is run again and from however many entry points it is reached.
  fingerprint text not null unique check (fingerprint ~ '^[0-9a-f]{64}$'),
  key_id      text not null references store.data_keys,
  sealed      bytea not null,
  created_at  timestamptz not null,
  updated_at  timestamptz not null,
  check (updated_at >= created_at)
);

create index findings_campaign on verify.findings (campaign_id);
