-- Numbers that people read (P-2026-000123), leased in blocks; what was answered
-- to an idempotency key; facts about the installation.
CREATE TABLE store_series (
  name $TEXT PRIMARY KEY,
  next $INT NOT NULL
)$STRICT;

CREATE TABLE store_once (
  key_hash $TEXT PRIMARY KEY,
  at $TIME NOT NULL,
  result $JSON NOT NULL
)$STRICT;
CREATE INDEX store_once_at ON store_once (at);

CREATE TABLE store_fact (
  name $TEXT PRIMARY KEY,
  value $TEXT NOT NULL
)$STRICT;
