-- TAXII servers of others that we poll, and which of their collections.

-- secret is our password or token there, sealed; login '' with a secret is a Bearer
-- token. code is the last exchange's outcome by the room's numbers; until open_until
-- nobody is sent there. report is JSON: what the last poll brought.
CREATE TABLE peer_poll (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL UNIQUE,
  url $TEXT NOT NULL,
  login $TEXT NOT NULL,
  secret $BLOB,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  every $INT NOT NULL,
  patience $INT NOT NULL,
  ca $TEXT NOT NULL,
  title $TEXT NOT NULL,
  code $INT NOT NULL,
  detail $TEXT NOT NULL,
  checked $TIME NOT NULL,
  failures $INT NOT NULL,
  open_until $TIME NOT NULL,
  polled $TIME NOT NULL,
  report $TEXT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;

-- A collection there. after is the date of addition, as the server wrote it, behind
-- which we go on; page its token when a poll was cut off between pages.
CREATE TABLE peer_poll_collection (
  id $ID PRIMARY KEY,
  poll_id $ID NOT NULL REFERENCES peer_poll (id),
  root $TEXT NOT NULL,
  collection $TEXT NOT NULL,
  title $TEXT NOT NULL,
  readable $BOOL NOT NULL,
  chosen $BOOL NOT NULL,
  after $TEXT NOT NULL,
  page $TEXT NOT NULL,
  objects $INT NOT NULL,
  polled $TIME NOT NULL,
  UNIQUE (poll_id, root, collection)
)$STRICT;
