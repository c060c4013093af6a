-- What was published and then deleted by who made it: peers that agreed to are told,
-- as far as they could see the event.
CREATE TABLE intel_retraction (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  orgc $UUID NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  at $TIME NOT NULL
)$STRICT;
