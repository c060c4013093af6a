-- Events that somebody works on: their own list, shown to them alone.
CREATE TABLE intel_pin (
  id $ID PRIMARY KEY,
  person_id $INT NOT NULL,
  event_id $INT NOT NULL,
  UNIQUE (person_id, event_id)
)$STRICT;
CREATE INDEX intel_pin_event ON intel_pin (event_id);
