-- Who asked for an account without having one. Nothing here opens a door: an
-- administrator accepts (an account is made and invited) or discards.
CREATE TABLE account_request (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  email $TEXT NOT NULL,
  org_name $TEXT NOT NULL,
  org_uuid $TEXT NOT NULL,
  wishes $JSON NOT NULL,
  message $TEXT NOT NULL,
  address $TEXT NOT NULL,
  agent $TEXT NOT NULL,
  created $TIME NOT NULL,
  state $TEXT NOT NULL,
  decided $TIME NOT NULL,
  decided_by $INT NOT NULL
)$STRICT;
CREATE INDEX account_request_state ON account_request (state, id);
CREATE UNIQUE INDEX account_request_waiting ON account_request (email) WHERE state = 'waiting';

-- From where a key was used, the last addresses: its owner notices a stranger.
ALTER TABLE account_key ADD COLUMN used_from $TEXT NOT NULL DEFAULT '[]';
