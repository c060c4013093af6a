-- What partners' machines write over TAXII. An inbox belongs to an organisation:
-- its keys write it and read it, and nobody else. A worker makes events of it.

-- One POST. ended 0 = the worker has not been there; the row goes a day after.
CREATE TABLE intel_inbox_post (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL,
  org_id $ID NOT NULL,
  person_id $INT NOT NULL,
  asked $TIME NOT NULL,
  ended $TIME NOT NULL
)$STRICT;
CREATE UNIQUE INDEX intel_inbox_post_uuid ON intel_inbox_post (uuid);
CREATE INDEX intel_inbox_post_ended ON intel_inbox_post (ended);

-- One object of one POST. state 0 pending, 1 taken in, 2 refused, 3 here already.
-- added is the date of addition, given when it is taken in; taken in and not
-- latest are older versions. ver is version in microseconds, 0 without one.
CREATE TABLE intel_inbox (
  id $ID PRIMARY KEY,
  org_id $ID NOT NULL,
  post_id $INT NOT NULL,
  place $INT NOT NULL,
  stix_id $TEXT NOT NULL,
  type $TEXT NOT NULL,
  version $TEXT NOT NULL,
  ver $INT NOT NULL,
  state $INT NOT NULL,
  message $TEXT NOT NULL,
  added $TIME NOT NULL,
  latest $BOOL NOT NULL,
  earliest $BOOL NOT NULL,
  json $BLOB NOT NULL
)$STRICT;
CREATE INDEX intel_inbox_post_place ON intel_inbox (post_id, place);
CREATE INDEX intel_inbox_added ON intel_inbox (org_id, state, added);
CREATE INDEX intel_inbox_stix_id ON intel_inbox (org_id, stix_id, ver);
