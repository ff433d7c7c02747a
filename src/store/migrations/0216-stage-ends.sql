-- When the open stage ends by itself, by this database's clock: what the decision rests on ends then. Gateways obey it
-- without being told.
alter table program.models add column stage_ends_at timestamptz;
-- A model on which a decision was asked for, or that is suspended, is opened by release alone: the operator's word narrows it.
alter table program.models add column is_by_decision boolean not null default false;
update program.models m set is_by_decision = true
 where exists (select from release.models r where r.id = m.id)
    or exists (select from release.suspensions s where s.model = m.id and s.lifted_at is null);

-- Of a decision: with which of the things it rests on it ends.
alter table release.decisions add column ends_with text
  check (ends_with in ('deviation', 'evidence', 'interpretation', 'safety-case', 'order'));
alter table release.decisions add constraint decisions_end check ((ends_at is null) = (ends_with is null));

-- When that the stage ended was put on record; at the gate it was closed from `ends_at` on.
alter table release.stages add column ended_at timestamptz;
-- When it was opened again after it was over. Meanwhile no step of a rollout was held.
alter table release.stages add column reopened_at timestamptz;
