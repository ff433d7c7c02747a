create schema tlog;

-- The one log of this installation, and the right edge of its tree.
create table tlog.logs (
  only_one       boolean primary key default true check (only_one),
  origin         text not null,
  -- Public keys as vkeys; the private halves are files outside the database.
  log_key        text not null,
  issuer_key     text not null,
  -- Leaves in order. The public files may lag behind; they never run ahead.
  size           bigint not null default 0 check (size >= 0),
  -- The perfect nodes of the right edge, widest first, 32 bytes each.
  edge           bytea not null default ''::bytea check (octet_length(edge) % 32 = 0),
  published_size bigint not null default 0 check (published_size between 0 and size)
);

-- A row here, once committed, is a promise to publish. Without an index it is pending; with one it is leaf `index`.
create table tlog.entries (
  position   bigint generated always as identity primary key,
  id         text not null unique,
  type       text not null,
  commitment text,
  body       bytea not null check (octet_length(body) between 1 and 65535),
  leaf_hash  bytea not null check (octet_length(leaf_hash) = 32),
  index      bigint unique check (index >= 0)
);

create index entries_pending on tlog.entries (position) where index is null;
create index entries_commitment on tlog.entries (commitment, position) where commitment is not null;
-- What a verifier refuses must not get in: two seals under one name, two ends of one commitment.
create unique index entries_one_seal on tlog.entries (commitment) where type = 'commitment';
create unique index entries_one_end on tlog.entries (commitment) where type in ('opening', 'withdrawal', 'shredding');

create function tlog.keep_promise() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.index is null and new.index is not null
     and (new.position, new.id, new.type, new.commitment, new.body, new.leaf_hash)
         is not distinct from (old.position, old.id, old.type, old.commitment, old.body, old.leaf_hash) then
    return new;
  end if;
  raise exception 'log entry % is promised and can neither change nor go', old.id;
end
$$;

create trigger entries_keep_promise before update or delete on tlog.entries
  for each row execute function tlog.keep_promise();

-- Roots of full tiles: hash `index` of tiles at `level`, level 1 upwards.
create table tlog.nodes (
  level smallint not null check (level between 1 and 7),
  index bigint not null check (index >= 0),
  hash  bytea not null check (octet_length(hash) = 32),
  primary key (level, index)
);

-- Every head that was ever signed. Signed and stored in one transaction, published only afterwards.
create table tlog.checkpoints (
  size bigint primary key check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  at   timestamptz not null
);
