-- TAXII collections that an administrator defines: a saved query over what is
-- published, and who may read it. Who reads gets no more than before: a collection
-- chooses among what its reader sees anyway.

-- readers is members, group or named; audience_id says the same as an audience.
-- ceiling is the strictest label that enters (1 CLEAR … 4 AMBER+STRICT). tags, not_tags
-- and types are JSON lists. days 0: an event does not grow too old. chosen: only what a
-- rule or a POST put in. done is the version up to which events were gone through.
CREATE TABLE intel_collection (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  alias $TEXT NOT NULL UNIQUE,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  title $TEXT NOT NULL,
  description $TEXT NOT NULL,
  readers $TEXT NOT NULL,
  reader_group $INT NOT NULL,
  ceiling $INT NOT NULL,
  tags $TEXT NOT NULL,
  not_tags $TEXT NOT NULL,
  types $TEXT NOT NULL,
  group_id $INT NOT NULL,
  days $INT NOT NULL,
  chosen $BOOL NOT NULL,
  inbox $BOOL NOT NULL,
  version $INT NOT NULL,
  done $INT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;

-- What is in a collection: batches of converted objects (intel_stix_batch), each with
-- dates of addition of its own: base + seq, rising within the collection. An event that
-- comes in later has later dates, whenever it was published.
CREATE TABLE intel_collection_part (
  id $ID PRIMARY KEY,
  collection_id $ID NOT NULL REFERENCES intel_collection (id),
  event_id $INT NOT NULL,
  batch_id $INT NOT NULL,
  base $TIME NOT NULL,
  last $TIME NOT NULL,
  UNIQUE (collection_id, batch_id)
)$STRICT;
CREATE INDEX intel_collection_part_last ON intel_collection_part (collection_id, last);
CREATE INDEX intel_collection_part_event ON intel_collection_part (event_id, collection_id);
CREATE INDEX intel_collection_part_batch ON intel_collection_part (batch_id);

-- Events that a rule, or a POST to the collection, put in whatever the query says.
CREATE TABLE intel_collection_pick (
  id $ID PRIMARY KEY,
  collection_id $ID NOT NULL REFERENCES intel_collection (id),
  event_id $INT NOT NULL,
  UNIQUE (collection_id, event_id)
)$STRICT;
CREATE INDEX intel_collection_pick_event ON intel_collection_pick (event_id);

-- Into which collection a POST went; 0 = the organisation's own inbox.
ALTER TABLE intel_inbox_post ADD COLUMN collection_id $INT NOT NULL DEFAULT 0;
