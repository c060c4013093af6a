-- Feeds: other people's lists that are fetched, and what was last known of them.
-- headers is sealed: keys of other people's servers stand there.
CREATE TABLE intel_feed (
  id $ID PRIMARY KEY,
  name $TEXT NOT NULL,
  provider $TEXT NOT NULL,
  url $TEXT NOT NULL,
  format $TEXT NOT NULL,
  input $TEXT NOT NULL,
  doc $TEXT NOT NULL,
  headers $BLOB,
  enabled $BOOL NOT NULL,
  caching $BOOL NOT NULL,
  visible $BOOL NOT NULL,
  person_id $INT NOT NULL,
  event_id $INT NOT NULL,
  fetched $TIME NOT NULL,
  succeeded $TIME NOT NULL,
  cached $TIME NOT NULL,
  failures $INT NOT NULL,
  fault $TEXT NOT NULL,
  report $TEXT NOT NULL
)$STRICT;

-- What feeds hold: the beginning of the MD5 of each value, as MISP's feeds give
-- it. run tells the entries of a new fetch from those it replaces.
CREATE TABLE intel_feed_value (
  feed_id $ID NOT NULL REFERENCES intel_feed (id),
  key $INT NOT NULL,
  run $INT NOT NULL,
  event_uuid $TEXT NOT NULL,
  PRIMARY KEY (feed_id, key)
)$STRICT;
CREATE INDEX intel_feed_value_key ON intel_feed_value (key);
