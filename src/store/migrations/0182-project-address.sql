-- Where a project's reports go, encrypted under its key; null: nobody has said so.
alter table pacing.projects add column address bytea;
