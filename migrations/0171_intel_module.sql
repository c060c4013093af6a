-- Servers of expansion modules, what they said of themselves and which modules are on.
-- config is sealed: keys of other people's services stand there.
CREATE TABLE intel_module_server (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL,
  url $TEXT NOT NULL,
  enabled $BOOL NOT NULL,
  patience $INT NOT NULL,
  chosen $TEXT NOT NULL,
  offered $TEXT NOT NULL,
  config $BLOB,
  tested $TIME NOT NULL,
  fault $TEXT NOT NULL
)$STRICT;

-- What modules answered, for the organisation that asked: audience_id is its own.
CREATE TABLE intel_enrichment (
  id $ID PRIMARY KEY,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  server_id $ID NOT NULL REFERENCES intel_module_server (id),
  module $TEXT NOT NULL,
  type $TEXT NOT NULL,
  key $INT NOT NULL,
  value $TEXT NOT NULL,
  asked $TIME NOT NULL,
  standard $BOOL NOT NULL,
  answer $BLOB NOT NULL
)$STRICT;
CREATE INDEX intel_enrichment_key ON intel_enrichment (key, type);
CREATE INDEX intel_enrichment_asked ON intel_enrichment (asked);

-- What was taken over by one press, so that it can be taken back: what is in was has
-- the moments at which each part was written.
CREATE TABLE intel_enrichment_taken (
  id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  person_id $INT NOT NULL,
  at $TIME NOT NULL,
  was $TEXT NOT NULL
)$STRICT;
CREATE INDEX intel_enrichment_taken_at ON intel_enrichment_taken (at);
