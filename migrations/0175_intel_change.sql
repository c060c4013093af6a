-- What threat data was before it was changed: one row for each thing and act, with the
-- old values only; the new ones stand in the next row, or in the thing itself. So an
-- event can be told as it was at any moment since this table exists.
--
-- kind: 0 event, 1 object, 2 attribute, 3 reference, 4 report: thing is its id.
-- 8: the event was published (last 1). 9: things with ids from thing to last were added;
-- how many rows that was does not matter, so a bulk load writes one row.
-- gone: the thing was removed for good; its old values went with it.
-- audience_id, own_id and within_id are the audiences of the event, the thing and its
-- object before the act: who did not see the old value then does not see it here.
-- key1 and key2 are those of an old value, so that a subject's data is found; person
-- says that its type was about a person: it goes at the end of the term, as the value would.
CREATE TABLE intel_change (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL,
  at $TIME NOT NULL,
  kind $INT NOT NULL,
  thing $INT NOT NULL,
  last $INT NOT NULL,
  gone $BOOL NOT NULL,
  uuid $TEXT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  own_id $ID REFERENCES access_audience (id),
  within_id $ID REFERENCES access_audience (id),
  was $JSON NOT NULL,
  key1 $INT,
  key2 $INT,
  person $BOOL NOT NULL,
  person_id $INT NOT NULL,
  org_id $INT NOT NULL
)$STRICT;
CREATE INDEX intel_change_thing ON intel_change (event_id, kind, thing);
CREATE INDEX intel_change_person ON intel_change (at) WHERE person;
CREATE INDEX intel_change_key1 ON intel_change (key1) WHERE key1 IS NOT NULL;
CREATE INDEX intel_change_key2 ON intel_change (key2) WHERE key2 IS NOT NULL;
