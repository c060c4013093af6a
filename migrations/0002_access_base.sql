-- Who may see a row: principals, their membership, interned audiences and their
-- reach; roles as bundles of permissions; the epoch under which rights are cached.
CREATE TABLE access_principal (
  id $ID PRIMARY KEY,
  kind $TEXT NOT NULL,
  ref $INT NOT NULL DEFAULT 0,
  cert $INT NOT NULL DEFAULT 0,
  name $TEXT NOT NULL DEFAULT '',
  UNIQUE (kind, ref, cert, name)
)$STRICT;

CREATE TABLE access_member (
  principal $ID NOT NULL REFERENCES access_principal (id),
  belongs_to $ID NOT NULL REFERENCES access_principal (id),
  PRIMARY KEY (principal, belongs_to)
)$STRICT;
CREATE INDEX access_member_group ON access_member (belongs_to, principal);

CREATE TABLE access_audience (
  id $ID PRIMARY KEY,
  key_hash $TEXT NOT NULL UNIQUE,
  cert $INT NOT NULL,
  owner_org $INT NOT NULL,
  level $TEXT NOT NULL,
  sharing_group $INT NOT NULL DEFAULT 0,
  purpose $TEXT NOT NULL DEFAULT '',
  exercise $INT NOT NULL DEFAULT 0,
  restricted $BOOL NOT NULL
)$STRICT;

CREATE TABLE access_reach (
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  principal_id $ID NOT NULL REFERENCES access_principal (id),
  PRIMARY KEY (audience_id, principal_id)
)$STRICT;
CREATE INDEX access_reach_principal ON access_reach (principal_id, audience_id);

CREATE TABLE access_role (
  name $TEXT PRIMARY KEY,
  misp_id $INT NOT NULL DEFAULT 0,
  team $BOOL NOT NULL,
  permissions $JSON NOT NULL
)$STRICT;

CREATE TABLE access_epoch (
  id $ID PRIMARY KEY,
  epoch $INT NOT NULL
)$STRICT;
