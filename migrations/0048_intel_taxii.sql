-- What published events are in STIX, as TAXII serves it: one row per object and
-- version, with what must be visible for it to be seen. The rows are derived:
-- they may be thrown away and made again, only dates of addition would change.

-- The last date of addition that was given. Its row is locked while a batch is
-- numbered, so that dates rise in the order in which transactions commit.
CREATE TABLE intel_stix_clock (
  id $ID PRIMARY KEY,
  last $TIME NOT NULL
)$STRICT;

-- One run of the conversion over one event. A row's date of addition is base +
-- seq, so that a large event becomes visible by one update. last 0 = unfinished.
CREATE TABLE intel_stix_batch (
  id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  base $TIME NOT NULL,
  last $TIME NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_stix_batch_last ON intel_stix_batch (last);
CREATE INDEX intel_stix_batch_event ON intel_stix_batch (event_id);

-- Up to which change an event was converted: rows of one that has changed since
-- are nobody's. run is the batch that did it.
CREATE TABLE intel_stix_event (
  event_id $ID PRIMARY KEY,
  changed $TIME NOT NULL,
  run $INT NOT NULL
)$STRICT;
CREATE INDEX intel_stix_event_changed ON intel_stix_event (changed);

-- object_id … report_id name what must be seen besides the event, 0 = nothing;
-- other_ is a relationship's far end. tlp is the label in force (1 CLEAR … 5
-- RED). shared objects stand in many events and are served once. listed ones
-- belong into the report, whose references are filled in for each reader.
-- ver is version in microseconds, 0 for objects without one.
CREATE TABLE intel_stix (
  id $ID PRIMARY KEY,
  batch_id $ID NOT NULL REFERENCES intel_stix_batch (id),
  seq $INT NOT NULL,
  event_id $INT NOT NULL,
  stix_id $TEXT NOT NULL,
  type $TEXT NOT NULL,
  created $TEXT NOT NULL,
  version $TEXT NOT NULL,
  ver $INT NOT NULL,
  object_id $INT NOT NULL,
  attribute_id $INT NOT NULL,
  other_object_id $INT NOT NULL,
  other_attribute_id $INT NOT NULL,
  report_id $INT NOT NULL,
  reach $TEXT NOT NULL,
  tlp $INT NOT NULL,
  shared $BOOL NOT NULL,
  listed $BOOL NOT NULL,
  refs $BOOL NOT NULL,
  latest $BOOL NOT NULL,
  earliest $BOOL NOT NULL,
  hash $INT NOT NULL,
  json $BLOB NOT NULL
)$STRICT;
CREATE UNIQUE INDEX intel_stix_place ON intel_stix (batch_id, seq);
CREATE INDEX intel_stix_event_id ON intel_stix (event_id, stix_id);
CREATE INDEX intel_stix_stix_id ON intel_stix (stix_id);
