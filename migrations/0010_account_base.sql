-- People who may enter, and everything that proves who they are. Secrets stand
-- here hashed (argon2id, keyed hashes) or encrypted under the vault's field key.
CREATE TABLE account_person (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  email $TEXT NOT NULL UNIQUE,
  address $TEXT NOT NULL,
  name $TEXT NOT NULL,
  folded $TEXT NOT NULL,
  org_id $INT NOT NULL,
  lang $TEXT NOT NULL,
  state $TEXT NOT NULL,
  password $TEXT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL
)$STRICT;
CREATE INDEX account_person_org ON account_person (org_id, id);
CREATE INDEX account_person_folded ON account_person (folded, id);

CREATE TABLE account_person_role (
  person_id $ID NOT NULL REFERENCES account_person (id),
  role $TEXT NOT NULL REFERENCES access_role (name),
  PRIMARY KEY (person_id, role)
)$STRICT;
CREATE INDEX account_person_role_name ON account_person_role (role, person_id);

-- Sessions: only the keyed hash of the token. stage is 'second' between the
-- password and the second factor, 'full' afterwards.
CREATE TABLE account_session (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  token_hash $TEXT NOT NULL UNIQUE,
  person_id $ID NOT NULL REFERENCES account_person (id),
  stage $TEXT NOT NULL,
  created $TIME NOT NULL,
  seen $TIME NOT NULL,
  ends $TIME NOT NULL,
  second_at $TIME NOT NULL,
  proof_at $TIME NOT NULL,
  label $TEXT NOT NULL
)$STRICT;
CREATE INDEX account_session_person ON account_session (person_id, id);
CREATE INDEX account_session_ends ON account_session (ends);

CREATE TABLE account_key (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  key_hash $TEXT NOT NULL UNIQUE,
  prefix $TEXT NOT NULL,
  person_id $ID NOT NULL REFERENCES account_person (id),
  name $TEXT NOT NULL,
  scopes $JSON NOT NULL,
  read_only $BOOL NOT NULL,
  allow_ip $JSON NOT NULL,
  created $TIME NOT NULL,
  created_by $TEXT NOT NULL,
  expires $TIME NOT NULL,
  revoked $TIME NOT NULL,
  last_used $TIME NOT NULL
)$STRICT;
CREATE INDEX account_key_person ON account_key (person_id, id);

-- Second factors. A code's step can be inserted once: that row is its use.
CREATE TABLE account_totp (
  id $ID PRIMARY KEY,
  person_id $ID NOT NULL UNIQUE REFERENCES account_person (id),
  seed $BLOB NOT NULL,
  confirmed $BOOL NOT NULL,
  created $TIME NOT NULL
)$STRICT;

CREATE TABLE account_totp_use (
  totp_id $ID NOT NULL REFERENCES account_totp (id),
  step $INT NOT NULL,
  PRIMARY KEY (totp_id, step)
)$STRICT;

CREATE TABLE account_recovery (
  id $ID PRIMARY KEY,
  person_id $ID NOT NULL REFERENCES account_person (id),
  code_hash $TEXT NOT NULL,
  used $TIME NOT NULL,
  UNIQUE (person_id, code_hash)
)$STRICT;

CREATE TABLE account_passkey (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  person_id $ID NOT NULL REFERENCES account_person (id),
  credential $TEXT NOT NULL UNIQUE,
  record $JSON NOT NULL,
  name $TEXT NOT NULL,
  created $TIME NOT NULL,
  last_used $TIME NOT NULL
)$STRICT;
CREATE INDEX account_passkey_person ON account_passkey (person_id, id);

CREATE TABLE account_challenge (
  id $ID PRIMARY KEY,
  token_hash $TEXT NOT NULL UNIQUE,
  person_id $INT NOT NULL,
  purpose $TEXT NOT NULL,
  session $JSON NOT NULL,
  ends $TIME NOT NULL
)$STRICT;
CREATE INDEX account_challenge_ends ON account_challenge (ends);

-- Links by letter: invitation, forgotten password, first administrator
-- (person_id 0). Bound to the address that they were sent to.
CREATE TABLE account_link (
  id $ID PRIMARY KEY,
  token_hash $TEXT NOT NULL UNIQUE,
  kind $TEXT NOT NULL,
  person_id $INT NOT NULL,
  email $TEXT NOT NULL,
  created $TIME NOT NULL,
  created_by $TEXT NOT NULL,
  ends $TIME NOT NULL,
  used $TIME NOT NULL
)$STRICT;
CREATE INDEX account_link_person ON account_link (person_id, kind, created);

-- Guesses that were evaluated, per minute, on canonical account, address prefix
-- and whole installation; subjects are keyed hashes.
CREATE TABLE account_guess (
  subject $TEXT PRIMARY KEY,
  minutes $JSON NOT NULL,
  at $TIME NOT NULL
)$STRICT;
CREATE INDEX account_guess_at ON account_guess (at);

CREATE TABLE account_setting (
  name $TEXT PRIMARY KEY,
  value $JSON NOT NULL,
  version $INT NOT NULL,
  changed $TIME NOT NULL,
  changed_by $TEXT NOT NULL
)$STRICT;
