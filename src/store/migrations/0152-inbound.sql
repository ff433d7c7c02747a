-- The doors that strangers' reports come in by: mail and a form.
create schema inbound;

-- What who reported by the form was given, to see what became of it. The token itself is kept nowhere.
create table inbound.receipts (
  -- SHA-256.
  token_hash  bytea primary key check (octet_length(token_hash) = 32),
  import_id   text not null references intake.imports,
  created_at  timestamptz not null,
  expires_at  timestamptz not null
);

-- How much was turned away at a door before it was taken, by reason; nothing of what it was.
create table inbound.turned_away (
  on_day  date not null,
  door    text not null check (door in ('mail', 'form')),
  reason  text not null,
  count   bigint not null check (count > 0),
  primary key (on_day, door, reason)
);

-- What is claimed of the sender of an answer (`contact.answers`): words of a closed list, no address.
create table inbound.sender_claims (
  answer_id  text primary key,
  words      text not null
);
