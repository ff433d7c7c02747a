-- Lists that everybody can read: who assigns CVE ids for what, and past advisories of packages.
alter table triage.feeds drop constraint feeds_kind_check;
alter table triage.feeds add check (kind in ('kev', 'epss', 'cna', 'osv'));

create table triage.cnas (
  short_name text primary key check (length(short_name) between 1 and 200),
  name       text not null,
  scope      text not null,
  -- Where it is reached: an address or a page.
  contact    text,
  policy     text
);

create table triage.past_advisories (
  id       text not null check (length(id) between 1 and 200),
  package  text not null,
  aliases  text[] not null,
  -- `CWE-22`
  cwes     text[] not null,
  -- Versions that it calls fixed.
  fixed    text[] not null check (cardinality(fixed) > 0),
  primary key (id, package)
);
create index past_advisories_package on triage.past_advisories (package);
