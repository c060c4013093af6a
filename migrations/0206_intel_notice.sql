-- When a person was last told by letter of proposals to an event (about 1), or of what was
-- decided on their own (2): once an hour each. The letters are in the post alone.
CREATE TABLE intel_notice (
  event_id $ID NOT NULL,
  about $INT NOT NULL,
  person_id $INT NOT NULL,
  at $TIME NOT NULL,
  PRIMARY KEY (event_id, about, person_id)
)$STRICT;
CREATE INDEX intel_notice_at ON intel_notice (at);
