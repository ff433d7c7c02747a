-- Which CVE ids a case was last decided under, as a blind index: so that those that a feed names can be decided first.
create table triage.case_ids (
  case_id   text not null,
  cve_index bytea not null,
  primary key (cve_index, case_id)
);
