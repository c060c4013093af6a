-- Data packs as the installation holds them: those that come with the program, by
-- checksum, and those that its administrator laid beside them.
CREATE TABLE pack_file (
  id $ID PRIMARY KEY,
  name $TEXT NOT NULL,
  version $INT NOT NULL,
  file $TEXT NOT NULL,
  sum $TEXT NOT NULL,
  body $TEXT NOT NULL,
  own $BOOL NOT NULL,
  added $TIME NOT NULL,
  withdrawn $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;
CREATE UNIQUE INDEX pack_file_name ON pack_file (name, version);
