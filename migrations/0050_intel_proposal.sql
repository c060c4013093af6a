-- Proposals: what others would change in an event. attribute_id 0 = a new
-- attribute, else the one to change or, with removal, to take out; uuid is then
-- that attribute's. before is the attribute as it was when an edit was accepted,
-- made the attribute that an accepted proposal added: both so that accepting can
-- be taken back. A decided proposal is marked deleted, as peers expect it.
CREATE TABLE intel_proposal (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL,
  event_id $ID NOT NULL REFERENCES intel_event (id),
  attribute_id $ID NOT NULL,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  person_id $INT NOT NULL,
  type $TEXT NOT NULL,
  category $TEXT NOT NULL,
  value $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  to_ids $BOOL NOT NULL,
  removal $BOOL NOT NULL,
  first_seen $TIME,
  last_seen $TIME,
  data $BLOB,
  timestamp $INT NOT NULL,
  deleted $BOOL NOT NULL,
  state $TEXT NOT NULL,
  decided_by $INT NOT NULL,
  before $TEXT NOT NULL,
  made $ID NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_proposal_event ON intel_proposal (event_id, attribute_id);
CREATE INDEX intel_proposal_attribute ON intel_proposal (attribute_id) WHERE attribute_id <> 0;
CREATE INDEX intel_proposal_timestamp ON intel_proposal (timestamp);
CREATE INDEX intel_proposal_uuid ON intel_proposal (uuid);
