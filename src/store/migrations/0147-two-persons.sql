-- A model put behind the gate or replaced, its stage opened wider, a key made by an administrator, and what they grant
-- themselves are asked by one person and agreed to by another.
alter table program.proposals drop constraint proposals_kind_check;
alter table program.proposals add constraint proposals_kind_check check (kind in
  ('approve-organisation', 'give-role', 'invite', 'lift-stop', 'restore-stop',
   'put-model', 'set-stage', 'create-key', 'grant-models'));
