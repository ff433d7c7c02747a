-- The orders in which lists are read page by page.
create index organisations_order on program.organisations (created_at, id);
create index persons_order on program.persons (created_at, id);
create index keys_order on program.keys (organisation, created_at, id);
create index grants_order on program.grants (organisation, granted_at, id);
create index stops_order on program.stops (asked_at, id);
create index applications_order on vetting.applications (since, id);
create index looks_order on vetting.looks (organisation, position);
