-- Who is asked for a package's releases every few hours learns that it is watched: an operator may leave that to himself.
alter table followup.settings add column looks_by_itself boolean not null default true;
