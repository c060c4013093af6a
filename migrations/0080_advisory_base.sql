-- Warnings, as far as the home page needs them: title, level, text, three states.
CREATE TABLE advisory_advisory (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  number $TEXT NOT NULL UNIQUE,
  cert $INT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  state $TEXT NOT NULL,
  level $TEXT NOT NULL,
  tlp $TEXT NOT NULL,
  readers $TEXT NOT NULL,
  title $JSON NOT NULL,
  lead $JSON NOT NULL,
  affects $JSON NOT NULL,
  steps $JSON NOT NULL,
  body $JSON NOT NULL,
  folded $TEXT NOT NULL,
  created $TIME NOT NULL,
  updated $TIME NOT NULL,
  published $TIME NOT NULL DEFAULT 0,
  until $TIME NOT NULL DEFAULT 0,
  withdrawn $TIME NOT NULL DEFAULT 0,
  reason $TEXT NOT NULL DEFAULT '',
  version $INT NOT NULL
)$STRICT;
CREATE INDEX advisory_advisory_public ON advisory_advisory (published, id) WHERE state = 'published';
CREATE INDEX advisory_advisory_updated ON advisory_advisory (updated, id);

CREATE TABLE advisory_edition (
  id $ID PRIMARY KEY,
  advisory_id $ID NOT NULL REFERENCES advisory_advisory (id),
  edition $INT NOT NULL,
  at $TIME NOT NULL,
  note $JSON NOT NULL,
  snapshot $JSON NOT NULL
)$STRICT;
CREATE INDEX advisory_edition_of ON advisory_edition (advisory_id, edition);
