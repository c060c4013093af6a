-- How long each class of personal data is kept, dated and with its source, and what a
-- legal hold keeps longer (privacy).
CREATE TABLE privacy_term (
  id $ID PRIMARY KEY,
  class $TEXT NOT NULL,
  days $INT NOT NULL,
  valid_from $TEXT NOT NULL,
  source $TEXT NOT NULL,
  person $INT NOT NULL,
  at $TIME NOT NULL
)$STRICT;
CREATE INDEX privacy_term_class ON privacy_term (class, valid_from);

CREATE TABLE privacy_hold (
  id $ID PRIMARY KEY,
  ref $TEXT NOT NULL,
  reason $TEXT NOT NULL,
  person $INT NOT NULL,
  at $TIME NOT NULL,
  lifted $TIME NOT NULL DEFAULT 0
)$STRICT;
CREATE INDEX privacy_hold_ref ON privacy_hold (ref);
