-- The installation's own OpenPGP keys: one that signs, and those that were put out of use.
-- The secret half is sealed under the installation's keys.
CREATE TABLE seal_key (
  id $ID PRIMARY KEY,
  fingerprint $TEXT NOT NULL UNIQUE,
  armored $TEXT NOT NULL,
  secret $BLOB NOT NULL,
  created $TIME NOT NULL,
  retired $TIME NOT NULL
)$STRICT;
CREATE UNIQUE INDEX seal_key_current ON seal_key (retired) WHERE retired = 0;
