-- Of a model that opens by the operator's word: the stage it had when it was closed, which it has again when nothing closes it.
alter table release.suspensions add column stage_before text
  check (stage_before in ('closed', 'internal', 'partner', 'trusted', 'limited', 'general'));
