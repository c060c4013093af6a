-- The OpenPGP key to which a person's letters are encrypted.
CREATE TABLE account_mailkey (
  id $ID PRIMARY KEY,
  person_id $ID NOT NULL UNIQUE REFERENCES account_person (id),
  armored $TEXT NOT NULL,
  fingerprint $TEXT NOT NULL,
  names $JSON NOT NULL,
  expires $TIME NOT NULL,
  created $TIME NOT NULL
)$STRICT;
