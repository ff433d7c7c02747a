create schema exposure;

-- Organisations of the programme that told us what they deliver. Contact and terms are encrypted under their own key.
create table exposure.partners (
  organisation_id text primary key,
  key_id          text not null references store.data_keys,
  -- Name, address, time zone, key to encrypt to.
  contact         bytea,
  -- It agreed to keep silent about whatever case it is told of, until somebody takes that back.
  agreed_at       timestamptz,
  agreed_by       text,
  check ((agreed_at is null) = (agreed_by is null))
);

-- One bill of materials. The newest of a product counts; older ones stay as what was known then.
create table exposure.boms (
  id              text primary key,
  position        bigint generated always as identity,
  organisation_id text not null references exposure.partners,
  -- Blind indexes: of the product, and of the file's bytes.
  product_index   bytea not null,
  file_index      bytea not null,
  -- Components and edges, encrypted.
  sealed          bytea not null,
  imported_at     timestamptz not null default now(),
  superseded_at   timestamptz
);
create unique index boms_current on exposure.boms (organisation_id, product_index) where superseded_at is null;

-- Which packages, without version, a bill of materials holds: an HMAC under a key derived from the master key.
create table exposure.packages (
  bom_id        text not null references exposure.boms,
  package_index bytea not null,
  primary key (package_index, bom_id)
);
create index packages_bom on exposure.packages (bom_id);

-- Whether a case concerns a partner. A new one each time that it came out otherwise.
create table exposure.decisions (
  case_id         text not null references disclosure.cases,
  organisation_id text not null references exposure.partners,
  number          integer not null check (number > 0),
  -- Products that hold an affected version, or one of which nobody can say.
  affected        integer not null check (affected >= 0),
  unknown         integer not null check (unknown >= 0),
  -- HMAC of the whole of it, to tell whether it changed.
  identity        bytea not null,
  sealed          bytea not null,
  decided_at      timestamptz not null default now(),
  primary key (case_id, organisation_id, number)
);

-- A partner is told of a case once, as a party of it.
create table exposure.notices (
  case_id         text not null references disclosure.cases,
  organisation_id text not null references exposure.partners,
  party_id        text not null,
  message_id      text not null,
  noticed_at      timestamptz not null default now(),
  primary key (case_id, organisation_id)
);

create trigger decisions_append_only before update or delete or truncate on exposure.decisions
  for each statement execute function disclosure.refuse_change();
create trigger notices_append_only before update or delete or truncate on exposure.notices
  for each statement execute function disclosure.refuse_change();
