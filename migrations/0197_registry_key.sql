-- OpenPGP keys of addresses that letters go to: contact points, and outside parties of
-- cases. Each CERT keeps its own; 0 = the installation's administrators.
CREATE TABLE registry_key (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  cert_id $INT NOT NULL,
  address $TEXT NOT NULL,
  armored $TEXT NOT NULL,
  fingerprint $TEXT NOT NULL,
  names $JSON NOT NULL,
  expires $TIME NOT NULL,
  created $TIME NOT NULL,
  person_id $INT NOT NULL,
  UNIQUE (cert_id, address)
)$STRICT;
CREATE INDEX registry_key_address ON registry_key (address);
