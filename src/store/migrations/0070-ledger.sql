create schema ledger;

-- What may be spent, in micro-dollars: an organisation's is money out of the fund, a person's or key's is a cap on it.
-- granted = available + leased + spent, always. A cap that nobody set is null; it may be lowered below what is used.
create table ledger.limits (
  id           text primary key check (id ~ '^(organisation|person|key):.'),
  granted      bigint check (granted between 0 and 9007199254740991),
  leased       bigint not null default 0 check (leased between 0 and 9007199254740991),
  spent        bigint not null default 0 check (spent between 0 and 9007199254740991),
  -- Somebody fell short of it: until then, whoever has an idle part of it gives that back.
  wanted_until timestamptz,
  check (id !~ '^organisation:' or (granted is not null and leased + spent <= granted))
) with (fillfactor = 50);

-- The hold of one gateway process. Closed, it takes no posting any more: that is what fences off a process that sleeps.
create table ledger.leases (
  id         text primary key,
  gateway    text not null,
  -- Of the last exchange, so that one which is sent again is not done again.
  sequence   bigint not null default 0,
  opened_at  timestamptz not null default now(),
  expires_at timestamptz not null,
  closed_at  timestamptz
) with (fillfactor = 50);

create index leases_open on ledger.leases (expires_at) where closed_at is null;

-- What a lease has in hand of a limit, and how much of that is reserved for calls under way, as last told.
create table ledger.lease_parts (
  lease_id text not null references ledger.leases,
  limit_id text not null references ledger.limits,
  held     bigint not null check (held >= 0),
  reserved bigint not null check (reserved between 0 and held),
  primary key (lease_id, limit_id)
) with (fillfactor = 50);

create index lease_parts_limit on ledger.lease_parts (limit_id);

-- One a call: from the lease to spent, under every limit it was reserved from.
create table ledger.postings (
  call_id   text primary key,
  lease_id  text not null,
  limits    text[] not null,
  reserved  bigint not null check (reserved >= 0),
  cost      bigint not null check (cost between 0 and reserved),
  refunded  bigint not null default 0 check (refunded between 0 and cost),
  -- recovered: posted from the journal of a gateway that ended before it did so itself.
  how       text not null check (how in ('settled', 'recovered')),
  posted_at timestamptz not null default now(),
  receipt   text
);

create index postings_limit on ledger.postings using gin (limits);

-- Every other movement of money, from one account to another.
create table ledger.transfers (
  id      bigint generated always as identity primary key,
  kind    text not null check (kind in ('grant', 'donation', 'refund')),
  source  text not null,
  target  text not null check (target <> source),
  micro   bigint not null check (micro between 1 and 9007199254740991),
  reason  text not null,
  call_id text references ledger.postings,
  at      timestamptz not null,
  check ((kind = 'refund') = (call_id is not null))
);

create index transfers_source on ledger.transfers (source);
create index transfers_target on ledger.transfers (target);

create function ledger.keep_record() returns trigger language plpgsql as $$
begin
  raise exception 'a transfer is made good by another transfer, never changed';
end
$$;

create trigger transfers_keep_record before update or delete on ledger.transfers
  for each row execute function ledger.keep_record();
