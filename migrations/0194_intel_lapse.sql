-- When indicators of published events run out: below the threshold of every decaying
-- model in force for their type, past their last_seen, or past the date that the event's
-- own organisations gave (a sighting of kind 2). One row an event says when to look next,
-- so that nothing is weighed before its time.

-- planned: when it was looked at last, or published, 0 = neither; newest: the highest attribute id there was then;
-- models: which models were in force; due: when to look again; underway: the happening that
-- a look which has not ended belongs to, 0 = none.
CREATE TABLE intel_lapse (
  event_id $ID PRIMARY KEY,
  planned $TIME NOT NULL,
  newest $INT NOT NULL,
  models $INT NOT NULL,
  due $TIME NOT NULL,
  underway $INT NOT NULL
)$STRICT;
CREATE INDEX intel_lapse_due ON intel_lapse (due);

-- What has run out: why is 1 decayed, 2 last_seen, 3 the date given. happening is what
-- intel.expired told, 0 when it was over before anybody looked. A row goes when the
-- attribute is in force again.
CREATE TABLE intel_lapsed (
  id $ID PRIMARY KEY,
  attribute_id $INT NOT NULL,
  event_id $INT NOT NULL,
  why $INT NOT NULL,
  happening $INT NOT NULL,
  at $TIME NOT NULL,
  UNIQUE (attribute_id, why)
)$STRICT;
CREATE INDEX intel_lapsed_event ON intel_lapsed (event_id, id);
CREATE INDEX intel_lapsed_happening ON intel_lapsed (happening, id) WHERE happening <> 0;

-- How far the slow walk over all published events has come.
CREATE TABLE intel_lapse_walk (
  id $ID PRIMARY KEY,
  at $INT NOT NULL
)$STRICT;
