-- A policy may set no deadline (open-ended), or none before there is a fix: `due_at` may be absent where it may be present.
do $$
declare found record;
begin
  for found in select conname from pg_constraint
    where conrelid = 'disclosure.cases'::regclass and contype = 'c'
      and pg_get_constraintdef(oid) like '%due_at IS NOT NULL%'
  loop
    execute format('alter table disclosure.cases drop constraint %I', found.conname);
  end loop;
end $$;
alter table disclosure.cases add constraint cases_due_at
  check (due_at is null or stage in ('notified', 'acknowledged', 'patched'));
