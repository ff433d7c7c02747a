create schema vetting;

-- The text that an organisation accepts. A version is never changed; the log has the hash of each.
create table vetting.terms (
  version      integer primary key check (version > 0),
  text         text not null,
  sha256       text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  published_at timestamptz not null
);

create table vetting.applications (
  id            text primary key,
  version       integer not null check (version > 0),
  organisation  text not null references program.organisations,
  tier          text not null check (tier in ('internal', 'partner', 'trusted', 'limited', 'general')),
  -- An office outside that has to agree as well.
  office        text,
  stage         text not null check (stage in ('applied', 'in-review', 'with-office', 'terms', 'approved', 'refused',
                                               'appealed', 'withdrawn', 'ended')),
  -- Since when it stands there.
  since         timestamptz not null,
  -- A new round of reviewers after an appeal.
  round         integer not null check (round > 0),
  due_at        timestamptz,
  reason        text,
  appeal_until  timestamptz,
  grounds       text,
  terms_version integer references vetting.terms,
  -- What is sealed for this application; shredded when its clock has run out.
  key_id        text not null references store.data_keys,
  delete_at     timestamptz,
  deleted_at    timestamptz,
  check ((due_at is not null) = (stage in ('in-review', 'with-office', 'appealed'))),
  check (stage <> 'with-office' or office is not null),
  check ((reason is not null) = (stage in ('refused', 'appealed'))),
  check (appeal_until is null or stage = 'refused'),
  check ((grounds is not null) = (stage = 'appealed'))
);

create unique index applications_open on vetting.applications (organisation)
  where stage in ('applied', 'in-review', 'with-office', 'terms', 'appealed');
create index applications_delete on vetting.applications (delete_at) where deleted_at is null;

create table vetting.reviews (
  application text not null references vetting.applications,
  round       integer not null,
  reviewer    text not null,
  role        text not null check (role in ('reviewer', 'office')),
  verdict     text not null check (verdict in ('pass', 'fail')),
  at          timestamptz not null,
  primary key (application, round, reviewer)
);

-- Evidence and notes of reviewers, encrypted under the key of the application; the row stays when the content is gone.
create table vetting.files (
  id          text primary key,
  application text not null references vetting.applications,
  sealed      bytea not null,
  sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  bytes       integer not null check (bytes > 0),
  added_by    text not null,
  added_at    timestamptz not null
);

create index files_application on vetting.files (application, added_at);

-- Who looked at what that is sealed, when and what for. Rows are only ever added.
create table vetting.looks (
  position     bigint generated always as identity primary key,
  organisation text not null,
  what         text not null,
  reader       text not null,
  purpose      text not null check (purpose in ('review', 'appeal', 'export')),
  at           timestamptz not null
);

create trigger looks_append_only before update or delete or truncate on vetting.looks
  for each statement execute function program.refuse_change();
