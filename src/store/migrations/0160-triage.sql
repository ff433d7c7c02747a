create schema triage;

-- What is public about flaws in general, as its publishers list it. The newest version replaces the one before.
create table triage.feeds (
  kind        text primary key check (kind in ('kev', 'epss')),
  -- The publisher's own: a catalogue's version, the day of the scores.
  version     text not null,
  released_at timestamptz not null,
  sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  entries     integer not null check (entries > 0),
  imported_at timestamptz not null default now()
);

create table triage.kev (
  cve        text primary key check (cve ~ '^CVE-[0-9]{4}-[0-9]{4,}$'),
  added      date not null,
  due        date,
  ransomware boolean not null
);

create table triage.epss (
  cve        text primary key check (cve ~ '^CVE-[0-9]{4}-[0-9]{4,}$'),
  score      double precision not null check (score between 0 and 1),
  percentile double precision not null check (percentile between 0 and 1)
);

-- What was decided of a case, each time that it came out otherwise. Values and reasons lie sealed: they name ids.
create table triage.decisions (
  case_id    text not null references disclosure.cases (id),
  number     integer not null check (number > 0),
  -- HMAC of the decision: by it the same again is known.
  identity   bytea not null,
  sealed     bytea not null,
  decided_at timestamptz not null default now(),
  primary key (case_id, number)
);

-- What a rater said of a flaw, and what its reviewer found: by these ratings are calibrated.
create table triage.reviews (
  id          bigint generated always as identity primary key,
  rater       text not null check (length(rater) between 1 and 200),
  claimed     text not null check (claimed in ('none', 'low', 'medium', 'high', 'critical')),
  found       text not null check (found in ('none', 'low', 'medium', 'high', 'critical')),
  -- One review of a thing by a rater counts once, however often it is told.
  about       text not null check (length(about) between 1 and 200),
  reviewer    text not null,
  reviewed_at timestamptz not null default now(),
  unique (rater, about)
);
