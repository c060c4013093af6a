-- Tags that somebody chose for themselves, shown first to them alone.
CREATE TABLE intel_favourite (
  id $ID PRIMARY KEY,
  person_id $INT NOT NULL,
  tag_id $ID NOT NULL REFERENCES intel_tag (id),
  UNIQUE (person_id, tag_id)
)$STRICT;
CREATE INDEX intel_favourite_tag ON intel_favourite (tag_id);
