create schema contact;

-- What leaves. A row is written in the transaction that decides it, and sent once.
create table contact.messages (
  id         text primary key,
  case_id    text not null,
  case_kind  text not null,
  channel    text not null check (channel in ('file', 'smtp', 'github-report', 'github-advisory', 'github-issue',
                                              'vince', 'webhook')),
  -- By which it is found where it arrived: the same for every attempt.
  marker     text not null unique,
  key_id     text not null references store.data_keys,
  sealed     bytea not null,
  -- Its name at the other side.
  remote     text,
  -- Who said that it may be public.
  agreed_by  text,
  state      text not null check (state in ('pending', 'sending', 'sent', 'refused', 'uncertain')),
  attempts   integer not null default 0 check (attempts >= 0),
  -- How often the current attempt was read back without an answer.
  reads      integer not null default 0 check (reads >= 0),
  -- Of the current attempt, by the clock of this database.
  begun_at   timestamptz,
  sent_at    timestamptz,
  settled_by text check (settled_by in ('answer', 'read-back', 'person')),
  trouble    text,
  created_at timestamptz not null,
  -- A row cannot lie about its case.
  foreign key (case_id, case_kind) references disclosure.cases (id, kind),
  -- A demonstration reaches no real channel, whatever a program above believes.
  check (channel = 'file' or case_kind = 'real'),
  check (channel <> 'github-issue' or agreed_by is not null),
  check ((state = 'sent') = (sent_at is not null)),
  check ((begun_at is not null) = (state in ('sending', 'uncertain'))),
  check ((settled_by is not null) = (state in ('sent', 'refused')))
);

create index messages_case on contact.messages (case_id, created_at);
create index messages_open on contact.messages (state, created_at) where state in ('pending', 'sending', 'uncertain');
create index messages_remote on contact.messages (remote) where remote is not null;

-- The outbox of disclosure moves here with everything in it.
insert into contact.messages (id, case_id, case_kind, channel, marker, key_id, sealed, state, attempts, sent_at,
                              settled_by, trouble, created_at, begun_at)
select outbox.id, outbox.case_id, outbox.case_kind, outbox.channel, outbox.message_id, details.key_id, outbox.sealed,
       case when attempted.unanswered then 'uncertain' else outbox.state end,
       outbox.attempts, outbox.sent_at,
       case when outbox.state = 'pending' then null else 'answer' end,
       outbox.trouble, outbox.created_at,
       case when attempted.unanswered then outbox.created_at end
  from disclosure.outbox as outbox
  join disclosure.details as details on details.case_id = outbox.case_id,
       -- An attempt whose answer was lost could not be told from one that never left: a person looks.
       lateral (select outbox.state = 'pending' and outbox.attempts > 0
                       and outbox.trouble is distinct from 'mail is not configured' as unanswered) as attempted;

alter table disclosure.reports add column message_id text unique references contact.messages;
update disclosure.reports as report set message_id = outbox.id
  from disclosure.outbox as outbox where outbox.report_id = report.id;
alter table disclosure.reports alter column message_id set not null;

-- In place of the jobs of the outbox that was.
select graphile_worker.add_job('contact.send', json_build_object('message', id), job_key := id, max_attempts := 100)
  from contact.messages where state in ('pending', 'uncertain');

drop table disclosure.outbox;
