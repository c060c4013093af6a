-- Saved views of lists: somebody's own, by name. list is the list's path, query its
-- address without cursor; at most one a list is the one that it opens with.
CREATE TABLE account_view (
  id $ID PRIMARY KEY,
  person_id $ID NOT NULL REFERENCES account_person (id),
  list $TEXT NOT NULL,
  name $TEXT NOT NULL,
  query $TEXT NOT NULL,
  opens $BOOL NOT NULL,
  UNIQUE (person_id, list, name)
)$STRICT;
