-- Acts by which frameworks take effect here. The newest of a framework is the one in force; its document and the act lie
-- in the evidence store, named by hash.
create table release.adoptions (
  position    bigint generated always as identity primary key,
  framework   text not null,
  label       text not null,
  digest      text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
  act         text not null unique check (act ~ '^sha256:[0-9a-f]{64}$'),
  adopted_at  timestamptz not null,
  signed_by   text[] not null,
  entry_id    text not null,
  recorded_at timestamptz not null
);
create index on release.adoptions (framework, adopted_at desc);
