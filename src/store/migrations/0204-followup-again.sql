-- What a trial showed is never rewritten. One that showed nothing may be made again.
create or replace trigger releases_keep_trial before update on followup.releases
  for each row when (old.outcome is not null and old.outcome <> 'unclear') execute function followup.keep_trial();
