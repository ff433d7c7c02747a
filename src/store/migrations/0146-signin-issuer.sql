-- A subject means somebody only at the issuer that said it: after a change of issuer everybody is linked anew.
alter table signin.identities add column issuer text;
update signin.identities as identity set issuer = provider.issuer
  from signin.providers as provider where provider.organisation = identity.organisation;
alter table signin.identities
  alter column issuer set not null,
  drop constraint identities_pkey,
  add primary key (organisation, issuer, subject);

-- What nobody answers is cleared away, the oldest first.
create index on signin.challenges (purpose, expires_at);
create index on signin.logins (expires_at);
