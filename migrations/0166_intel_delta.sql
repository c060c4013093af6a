-- What left a defined collection, so that who follows it is told: rows of a month. place
-- is of the same clock as dates of addition. reach names the audiences that saw it, as in
-- intel_stix; reason is 0 withdrawn, 1 no longer valid; detects the type of indicator.
CREATE TABLE intel_collection_gone (
  place $ID PRIMARY KEY,
  collection_id $INT NOT NULL,
  event_id $INT NOT NULL,
  stix_id $TEXT NOT NULL,
  type $TEXT NOT NULL,
  version $TEXT NOT NULL,
  reason $INT NOT NULL,
  reach $TEXT NOT NULL,
  tlp $INT NOT NULL,
  detects $TEXT NOT NULL
)$STRICT;
CREATE INDEX intel_collection_gone_place ON intel_collection_gone (collection_id, place);

-- lapse: indicators whose time is over (valid_until) leave; swept: up to when that was
-- told. A place below floor cannot be followed from: whoever stands there begins anew.
ALTER TABLE intel_collection ADD COLUMN lapse $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE intel_collection ADD COLUMN swept $TIME NOT NULL DEFAULT 0;
ALTER TABLE intel_collection ADD COLUMN floor $TIME NOT NULL DEFAULT 0;

-- Who could read the event when the part came in.
ALTER TABLE intel_collection_part ADD COLUMN audience_id $INT NOT NULL DEFAULT 0;
