-- SHA-256 over who asked and their idempotency key, where there is one: the same request moves money once, also when
-- its sender had to send it again because nobody knew how it ended.
alter table ledger.transfers add column request_sha256 bytea unique check (length(request_sha256) = 32);
