-- The first changes of a case as one sealed text, so that a long case is read at once. Made from `changes`, and can be
-- made again from them at any time.
create table coordination.snapshots (
  case_id text primary key references disclosure.cases,
  upto    bigint not null,
  sealed  bytea not null
);
