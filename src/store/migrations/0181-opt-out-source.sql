-- Where a list of projects that want no reports is kept by others: it is read again every day, so that who opts out there
-- is heard here. Null: it came from a file.
alter table pacing.opt_out_lists
  add column source    text check (source ~ '^https?://' and length(source) <= 2000),
  add column looked_at timestamptz,
  -- Why it could not be read when it was last looked at; what was read before stays in force.
  add column trouble   text check (length(trouble) <= 500);
