-- Parts of cases (entries, notes, tasks, measures, parties) by their folded words, so
-- that search finds them. Derived: written with the part, and for parts older than
-- this table by the job incident.index.
CREATE TABLE incident_part (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  kind $TEXT NOT NULL,
  at $TIME NOT NULL
)$STRICT;
CREATE INDEX incident_part_at ON incident_part (at, id);
CREATE INDEX incident_part_case ON incident_part (case_id);

CREATE TABLE incident_part_word (
  part_id $ID NOT NULL REFERENCES incident_part (id),
  word $BLOB NOT NULL,
  PRIMARY KEY (part_id, word)
)$STRICT;
CREATE INDEX incident_part_word_word ON incident_part_word (word, part_id);
