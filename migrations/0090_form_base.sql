-- Unfinished forms: answers encrypted under a secret that only the browser holds,
-- found by a keyed hash of it; times are rounded to the hour.
CREATE TABLE form_draft (
  id $TEXT PRIMARY KEY,
  box $BLOB NOT NULL,
  expires $TIME NOT NULL
)$STRICT;
CREATE INDEX form_draft_expires ON form_draft (expires);

-- Which stored files belong to a draft, so that they go when it goes.
CREATE TABLE form_file (
  blob $TEXT PRIMARY KEY,
  draft_id $TEXT NOT NULL
)$STRICT;
CREATE INDEX form_file_draft ON form_file (draft_id);
