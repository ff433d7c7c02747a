-- What comes back by mail. Rows are data: nothing is done because of one but by its plain words.
create table contact.answers (
  id          text primary key,
  -- Keyed hash of the bytes: the same mail given twice is one answer.
  fingerprint text not null unique check (fingerprint ~ '^[0-9a-f]{64}$'),
  kind        text not null check (kind in ('answer', 'receipt', 'bounce', 'automatic')),
  -- Null where it belongs to nothing that was sent.
  message_id  text references contact.messages,
  case_id     text references disclosure.cases,
  -- Of the case it belongs to; null where the mail lies under a key derived from the master key.
  key_id      text references store.data_keys,
  sealed      bytea not null,
  -- `kept`: for a person to read. `done`: there was nothing to read, or all of it was done, or a person has read it.
  state       text not null check (state in ('kept', 'done')),
  received_at timestamptz not null,
  check ((message_id is null) = (case_id is null)),
  check ((message_id is null) = (key_id is null))
);

create index answers_case on contact.answers (case_id, received_at) where case_id is not null;
create index answers_kept on contact.answers (received_at) where state = 'kept';
