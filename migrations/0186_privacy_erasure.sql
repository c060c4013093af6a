-- What was erased by term: one row a class and day, counted in the transactions that
-- erase (privacy).
CREATE TABLE privacy_erasure (
  id $ID PRIMARY KEY,
  class $TEXT NOT NULL,
  day $TEXT NOT NULL,
  days $INT NOT NULL,
  erased $INT NOT NULL,
  at $TIME NOT NULL,
  UNIQUE (class, day)
)$STRICT;
CREATE INDEX privacy_erasure_at ON privacy_erasure (at, id);
