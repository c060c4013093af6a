-- Files of events that somebody brought to a page: looked through first, then imported as
-- a job. They are their person's alone. The file lies sealed among the blobs and goes when
-- it has been imported; the row stays a month, so that the import can be taken back.
CREATE TABLE intel_upload (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  person_id $INT NOT NULL,
  org_id $INT NOT NULL,
  name $TEXT NOT NULL,
  format $TEXT NOT NULL,
  size $INT NOT NULL,
  file $TEXT NOT NULL,
  state $TEXT NOT NULL,
  options $JSON NOT NULL,
  found $JSON NOT NULL,
  result $JSON NOT NULL,
  done $INT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_upload_person ON intel_upload (person_id, created);

-- What an import stored: stamp is the event's last change when it was stored, so that only
-- what nobody touched is taken back.
CREATE TABLE intel_upload_event (
  id $ID PRIMARY KEY,
  upload_id $ID NOT NULL REFERENCES intel_upload (id),
  event_id $INT NOT NULL,
  stamp $TIME NOT NULL,
  created $BOOL NOT NULL,
  UNIQUE (upload_id, event_id)
)$STRICT;
