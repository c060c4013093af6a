-- Clocks that run, pause and fall due. A clock carries the audience of its
-- object, so that the watch line shows only what the viewer may see.
CREATE TABLE deadline_clock (
  id $ID PRIMARY KEY,
  kind $TEXT NOT NULL,
  object $INT NOT NULL,
  name $TEXT NOT NULL,
  label $TEXT NOT NULL,
  cert $INT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  started $TIME NOT NULL,
  due $TIME NOT NULL,
  paused $TIME NOT NULL DEFAULT 0,
  why $TEXT NOT NULL DEFAULT '',
  done $TIME NOT NULL DEFAULT 0,
  reminded $INT NOT NULL DEFAULT 0,
  UNIQUE (kind, object, name)
)$STRICT;
CREATE INDEX deadline_clock_due ON deadline_clock (due) WHERE done = 0 AND paused = 0;
