-- Tables of networks that an administrator imports: which system announces an address,
-- in which country it is entered. The networks lie packed in parts of 20,000 lines; they
-- are read into memory as a whole, never asked for one by one.
CREATE TABLE intel_network (
  id $ID PRIMARY KEY,
  name $TEXT NOT NULL,
  source $TEXT NOT NULL,
  imported $TIME NOT NULL,
  entries $INT NOT NULL,
  ready $BOOL NOT NULL
)$STRICT;

CREATE TABLE intel_network_part (
  id $ID PRIMARY KEY,
  network_id $ID NOT NULL REFERENCES intel_network (id),
  seq $INT NOT NULL,
  body $BLOB NOT NULL
)$STRICT;
CREATE INDEX intel_network_part_origin ON intel_network_part (network_id, seq);
