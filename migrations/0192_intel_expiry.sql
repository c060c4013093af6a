-- When indicators of collections that let the old ones leave (lapse) are over: worked out
-- once for each change of an event, its sightings or the models, so that the sweep reads
-- what ended since the last one, by index, and never all indicators.

-- The decaying model that counts besides valid_until: -1 none, 1 those in force together,
-- else an item of the catalogue.
ALTER TABLE intel_collection ADD COLUMN model_id $INT NOT NULL DEFAULT 1;

-- One row for each indicator and what ends it: model_id 0 is valid_until, else as above.
-- ends of what a model calls decayed when it is first asked is that moment.
CREATE TABLE intel_expiry (
  id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  stix_id $TEXT NOT NULL,
  model_id $INT NOT NULL,
  ends $TIME NOT NULL
)$STRICT;
CREATE UNIQUE INDEX intel_expiry_what ON intel_expiry (event_id, stix_id, model_id);
CREATE INDEX intel_expiry_ends ON intel_expiry (model_id, ends);

-- For what state of an event that was worked out; models is a sum over those in use.
CREATE TABLE intel_expiry_event (
  event_id $ID PRIMARY KEY,
  changed $TIME NOT NULL,
  sighted $INT NOT NULL,
  models $TEXT NOT NULL
)$STRICT;
