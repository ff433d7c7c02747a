create schema program;

-- What a gateway knows is a copy of the tables below, kept true by this counter: whoever changes a row counts up in the
-- same transaction. The lock on the one row makes epochs appear in the order of the commits.
create table program.epoch (
  only_one boolean primary key default true check (only_one),
  epoch    bigint not null check (epoch > 0)
);

-- Which row each epoch changed. Older ones are dropped; who is further behind reads everything.
create table program.changes (
  epoch   bigint primary key,
  kind    text not null,
  subject text not null
);

create function program.change(kind text, subject text) returns void language plpgsql as $$
declare
  fresh bigint;
begin
  insert into program.epoch as e (epoch) values (1)
    on conflict (only_one) do update set epoch = e.epoch + 1 returning e.epoch into fresh;
  insert into program.changes values (fresh, kind, subject);
  delete from program.changes c where c.epoch <= fresh - 10000;
  perform pg_notify('program_epoch', '');
end
$$;

create function program.note_change() returns trigger language plpgsql as $$
begin
  perform program.change(tg_table_name, case when tg_op = 'DELETE' then old.id else new.id end);
  return null;
end
$$;

create table program.organisations (
  id          text primary key,
  name        text not null,
  standing    text not null check (standing in ('applicant', 'approved', 'ended')),
  -- The highest tier its grants and keys may have.
  tier        text check (tier in ('internal', 'partner', 'trusted', 'limited', 'general')),
  created_at  timestamptz not null,
  approved_at timestamptz,
  ended_at    timestamptz,
  check (standing <> 'approved' or (tier is not null and approved_at is not null)),
  check ((standing = 'ended') = (ended_at is not null))
);

create index organisations_name on program.organisations (lower(name));

-- One row for each engagement: who works for two organisations behind one vendor is two persons here.
create table program.persons (
  id               text primary key,
  organisation     text not null references program.organisations,
  -- On whose behalf, where that is another organisation than the one they belong to.
  for_organisation text references program.organisations,
  email            text not null,
  standing         text not null check (standing in ('active', 'left')),
  is_capped        boolean not null default false,
  created_at       timestamptz not null,
  left_at          timestamptz,
  check (for_organisation <> organisation),
  check ((standing = 'left') = (left_at is not null))
);

create unique index persons_once on program.persons (organisation, coalesce(for_organisation, ''), lower(email))
  where standing = 'active';
create index persons_email on program.persons (lower(email));

-- Jurisdiction, nationality, beneficial ownership. The tag is a keyed hash, good for comparing and nothing else; the
-- country itself is encrypted for reviewers and goes when its clock has run out.
create table program.countries (
  id          text primary key,
  subject     text not null,
  kind        text not null check (kind in ('jurisdiction', 'nationality', 'beneficial-owner')),
  tag         text not null check (tag ~ '^[0-9a-f]{64}$'),
  key_id      text references store.data_keys,
  sealed      bytea,
  -- What shows it: the SHA-256 of a file of evidence, or the word of the one who entered it.
  evidence    text not null,
  attested_by text not null,
  attested_at timestamptz not null,
  check ((key_id is null) = (sealed is null)),
  unique (subject, kind, tag)
);

create table program.models (
  id                text primary key,
  protocol          text not null check (protocol in ('anthropic', 'openai')),
  url               text not null,
  upstream_name     text not null,
  -- The environment variable that holds the provider's key; the key itself is never here.
  api_key_env       text not null,
  -- Micro-dollars per million tokens.
  price_input       bigint not null check (price_input >= 0),
  price_output      bigint not null check (price_output >= 0),
  price_cache_write_5m bigint not null check (price_cache_write_5m >= 0),
  price_cache_write_1h bigint not null check (price_cache_write_1h >= 0),
  price_cache_read  bigint not null check (price_cache_read >= 0),
  context_tokens    integer not null check (context_tokens > 0),
  max_output_tokens integer not null check (max_output_tokens > 0),
  on_leave          text not null check (on_leave in ('abort', 'drain')),
  min_tier          text not null check (min_tier in ('internal', 'partner', 'trusted', 'limited', 'general')),
  -- The lowest tier to which a decision has opened the model. Null where no decision speaks: then `min_tier` alone binds.
  stage             text check (stage in ('closed', 'internal', 'partner', 'trusted', 'limited', 'general')),
  added_at          timestamptz not null
);

create table program.grants (
  id           text primary key,
  organisation text not null references program.organisations,
  -- Null: everyone of the organisation.
  person       text references program.persons,
  model        text not null references program.models,
  tier         text not null check (tier in ('internal', 'partner', 'trusted', 'limited', 'general')),
  granted_by   text not null,
  granted_at   timestamptz not null,
  expires_at   timestamptz not null,
  revoked_at   timestamptz,
  check (expires_at > granted_at)
);

create index grants_holder on program.grants (organisation, person, model) where revoked_at is null;

create table program.keys (
  id           text primary key,
  -- HMAC-SHA-256 under a pepper that lies outside the database. The key itself is shown once and kept nowhere.
  mac          bytea not null unique check (octet_length(mac) = 32),
  -- Whose grants and money it uses.
  organisation text not null references program.organisations,
  person       text not null references program.persons,
  models       text[] not null check (cardinality(models) > 0),
  tier         text not null check (tier in ('internal', 'partner', 'trusted', 'limited', 'general')),
  bind         text not null check (bind in ('none', 'dpop')),
  -- RFC 7638 thumbprint of the key that proofs are made with. Null with `dpop`: the first proof decides.
  jkt          text,
  is_capped    boolean not null default false,
  created_by   text not null,
  created_at   timestamptz not null,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  check (jkt is null or bind = 'dpop')
);

create index keys_person on program.keys (person) where revoked_at is null;

create table program.stops (
  id           text primary key,
  -- All that are given must hold for a call to be stopped.
  model        text,
  organisation text,
  person       text,
  country_tag  text,
  -- Everyone but that country.
  country_not  boolean,
  tier         text,
  tool         text,
  key          text,
  reason       text not null,
  legal_order  text,
  is_wide      boolean not null,
  -- Organisations, persons and keys that are let through again while it stands.
  restored     text[] not null default '{}',
  asked_by     text not null,
  asked_at     timestamptz not null,
  confirmed_by text,
  -- A wide stop that nobody has confirmed lapses by itself.
  expires_at   timestamptz,
  lifted_at    timestamptz,
  lifted_by    text,
  check (coalesce(model, organisation, person, country_tag, tier, tool, key) is not null),
  check ((country_tag is null) = (country_not is null)),
  check (country_tag is null or (legal_order is not null and expires_at is not null)),
  check (not is_wide or confirmed_by is not null or expires_at is not null),
  check (confirmed_by <> asked_by),
  check ((lifted_at is null) = (lifted_by is null))
);

-- Written by the module that proves them, through the door.
create table program.scopes (
  id           text primary key,
  organisation text not null references program.organisations,
  expires_at   timestamptz not null
);

-- Where another rate than the tier's own holds: of an organisation, a person or a key.
create table program.rates (
  id         text primary key,
  per_second integer not null check (per_second > 0),
  burst      integer not null check (burst > 0)
);

do $$
declare
  each text;
begin
  foreach each in array array['organisations', 'persons', 'countries', 'models', 'grants', 'keys', 'stops', 'scopes', 'rates']
  loop
    execute format('create trigger %I after insert or update or delete on program.%I
                      for each row execute function program.note_change()', each || '_note_change', each);
  end loop;
end
$$;

-- What was done, by whom. Rows are only ever added. No nationality, no key.
create table program.events (
  position bigint generated always as identity primary key,
  subject  text not null,
  event    text not null,
  actor    text not null,
  at       timestamptz not null,
  note     text not null default ''
);

create index events_subject on program.events (subject, position);

create function program.refuse_change() returns trigger language plpgsql as
$$ begin raise exception 'rows of % are only ever added', tg_table_name; end $$;

create trigger events_append_only before update or delete or truncate on program.events
  for each statement execute function program.refuse_change();

-- One row a gateway: that it lives, and what it carries at this moment.
create table program.gateways (
  id      text primary key,
  beat_at timestamptz not null,
  live    jsonb not null
);

-- Proofs that were used, until they are too old to be accepted anyway (RFC 9449 section 11.1).
create table program.dpop_seen (
  key        text not null,
  jti        bytea not null check (octet_length(jti) = 32),
  expires_at timestamptz not null,
  primary key (key, jti)
);

create index dpop_seen_expiry on program.dpop_seen (expires_at);

-- A real call on exactly this key and model came through: only then access is ready.
create table program.proven (
  key   text not null references program.keys,
  model text not null,
  call  text not null,
  at    timestamptz not null,
  primary key (key, model)
);
