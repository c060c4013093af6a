-- Acts on many attributes: those on more of an event's than one transaction takes, which go
-- on as a job, and those over several events, which are taken back together. An act is its
-- person's alone. after_id is the last attribute that is done: a piece and this number
-- commit together. The row stays a month.
CREATE TABLE intel_bulk (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  person_id $INT NOT NULL,
  org_id $INT NOT NULL,
  event_id $INT NOT NULL,
  kind $TEXT NOT NULL,
  state $TEXT NOT NULL,
  ask $JSON NOT NULL,
  result $JSON NOT NULL,
  at $INT NOT NULL,
  after_id $INT NOT NULL,
  total $INT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_bulk_person ON intel_bulk (person_id, created);
CREATE INDEX intel_bulk_event ON intel_bulk (event_id);
