-- Requests that another organisation takes an event over and publishes it as its
-- own. While one is open, that organisation is in the event's reach.
CREATE TABLE intel_delegation (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL UNIQUE REFERENCES intel_event (id),
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  requester_org_id $ID NOT NULL REFERENCES registry_organisation (id),
  person_id $INT NOT NULL,
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  message $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_delegation_org ON intel_delegation (org_id);
