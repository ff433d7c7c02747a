-- What came of a target and of each claim is sealed: where the campaign's file is public, the position of a row tells
-- which package it is about. Rows settled before keep their columns, which no new row fills.
alter table campaign.targets
  drop constraint targets_check,
  drop constraint targets_check1,
  drop constraint targets_check2,
  add column sealed_outcome bytea,
  add check ((state = 'waiting') = (num_nonnulls(sealed_outcome, reason, cost) = 0));

alter table campaign.candidates
  drop constraint candidates_state_check,
  add column sealed_outcome bytea,
  add check (state in ('waiting', 'confirmed', 'duplicate', 'rejected', 'decided')),
  add check ((state = 'decided') = (sealed_outcome is not null));
