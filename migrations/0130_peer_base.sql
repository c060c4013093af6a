-- Other installations with which threat data is exchanged: who they are, what each
-- run did, what of each event is still to be done or was not, and why.

-- secret is our key on their side, sealed. flags, rules and able (what the other side
-- lets our key do) are JSON. code is the last test's outcome by MISP's numbers, 0 =
-- never tested; until open_until nobody is sent there.
CREATE TABLE peer_server (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL UNIQUE,
  url $TEXT NOT NULL,
  secret $BLOB NOT NULL,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  remote_org_id $ID NOT NULL REFERENCES registry_organisation (id),
  flags $TEXT NOT NULL,
  push_rules $TEXT NOT NULL,
  pull_rules $TEXT NOT NULL,
  ceiling $TEXT NOT NULL,
  blocked_types $TEXT NOT NULL,
  every $INT NOT NULL,
  patience $INT NOT NULL,
  ca $TEXT NOT NULL,
  priority $INT NOT NULL,
  code $INT NOT NULL,
  detail $TEXT NOT NULL,
  checked $TIME NOT NULL,
  failures $INT NOT NULL,
  open_until $TIME NOT NULL,
  remote_version $TEXT NOT NULL,
  remote_uuid $TEXT NOT NULL,
  able $TEXT NOT NULL,
  etag $TEXT NOT NULL,
  pulled $TIME NOT NULL,
  pushed $TIME NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;

-- One pull or push from its beginning to its end, however often it was interrupted.
CREATE TABLE peer_run (
  id $ID PRIMARY KEY,
  peer_id $ID NOT NULL REFERENCES peer_server (id),
  way $TEXT NOT NULL,
  technique $TEXT NOT NULL,
  state $TEXT NOT NULL,
  phase $TEXT NOT NULL,
  etag $TEXT NOT NULL,
  started $TIME NOT NULL,
  ended $TIME NOT NULL,
  counts $TEXT NOT NULL,
  detail $TEXT NOT NULL
)$STRICT;
CREATE INDEX peer_run_peer ON peer_run (peer_id, way, id);

-- What is known of one event and one peer: for a pull what waits and what was refused
-- (by the timestamp it had), for a push everything that was looked at.
CREATE TABLE peer_item (
  id $ID PRIMARY KEY,
  peer_id $ID NOT NULL REFERENCES peer_server (id),
  way $TEXT NOT NULL,
  uuid $UUID NOT NULL,
  timestamp $INT NOT NULL,
  state $TEXT NOT NULL,
  reason $TEXT NOT NULL,
  detail $TEXT NOT NULL,
  tries $INT NOT NULL,
  at $TIME NOT NULL,
  UNIQUE (peer_id, way, uuid)
)$STRICT;
CREATE INDEX peer_item_state ON peer_item (peer_id, way, state, id);
CREATE INDEX peer_item_uuid ON peer_item (uuid, way);

-- From which peer an event came: it is not sent back there.
CREATE TABLE peer_source (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  peer_id $ID NOT NULL REFERENCES peer_server (id),
  at $TIME NOT NULL
)$STRICT;
