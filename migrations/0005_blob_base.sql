-- Files: on SQLite they lie in the data folder, on PostgreSQL in chunks here, so
-- that several nodes see them. A row exists only once the bytes are on disk.
CREATE TABLE blob_object (
  name $TEXT PRIMARY KEY,
  size $INT NOT NULL,
  sha256 $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;

CREATE TABLE blob_chunk (
  name $TEXT NOT NULL,
  n $INT NOT NULL,
  data $BLOB NOT NULL,
  PRIMARY KEY (name, n)
)$STRICT;
