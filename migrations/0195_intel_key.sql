-- The OpenPGP keys that may sign the versions of a protected event.
CREATE TABLE intel_key (
  id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  uuid $UUID NOT NULL,
  fingerprint $TEXT NOT NULL,
  armored $TEXT NOT NULL,
  revoked $BOOL NOT NULL,
  timestamp $INT NOT NULL,
  UNIQUE (event_id, fingerprint)
)$STRICT;
