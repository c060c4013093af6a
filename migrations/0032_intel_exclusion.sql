-- Values that correlate with nothing: exact, or with % at one end or both.
CREATE TABLE intel_exclusion (
  id $ID PRIMARY KEY,
  value $TEXT NOT NULL,
  value_fold $TEXT NOT NULL UNIQUE,
  comment $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;
