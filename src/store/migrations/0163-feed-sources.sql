-- Where a feed is read again by itself, every hour. What could not be read leaves the one at hand as it was.
create table triage.feed_sources (
  kind      text primary key check (kind in ('kev', 'epss')),
  url       text not null check (url ~ '^https?://' and length(url) <= 2000),
  looked_at timestamptz,
  trouble   text check (length(trouble) <= 500)
);
