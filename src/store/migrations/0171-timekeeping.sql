create schema timekeeping;

-- The one clock that deadlines obey. A test puts another in its place; no program passes a time of its own.
create function timekeeping.instant() returns timestamptz language sql volatile as $$ select clock_timestamp() $$;

-- The last instant anybody saw on that clock: it may never go back behind it.
create table timekeeping.mark (
  singleton boolean primary key default true check (singleton),
  seen_at   timestamptz not null
);

-- While one is not freed nothing is released: the clock is not believed.
create table timekeeping.holds (
  id       text primary key,
  position bigint generated always as identity,
  held_at  timestamptz not null,
  why      text not null check (why in ('jump', 'went-back', 'disagrees')),
  -- How far the clock was from what was expected, milliseconds.
  off_ms   bigint not null,
  freed_at timestamptz,
  freed_by text,
  check ((freed_at is null) = (freed_by is null))
);
create unique index holds_open on timekeeping.holds (why) where freed_at is null;

-- How late the passing of a deadline was noticed, milliseconds.
alter table disclosure.clocks add column late_ms double precision check (late_ms >= 0);
