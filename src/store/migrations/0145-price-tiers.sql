-- Prices by the length of what is sent: [{"aboveInputTokens", "input", "output", "cacheWrite5m", "cacheWrite1h", "cacheRead"}],
-- from the shortest to the longest. Empty where one price holds for every length.
alter table program.models
  add column price_tiers jsonb not null default '[]' check (jsonb_typeof(price_tiers) = 'array');
