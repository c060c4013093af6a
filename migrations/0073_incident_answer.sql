-- When a party has answered: its clock ends there. 0 = not since it was asked.
ALTER TABLE incident_party ADD COLUMN answered $TIME NOT NULL DEFAULT 0;

-- When the lead was last told that an answer has come: once a case and hour.
CREATE TABLE incident_notice (
  case_id $ID PRIMARY KEY REFERENCES incident_case (id),
  at $TIME NOT NULL
)$STRICT;
