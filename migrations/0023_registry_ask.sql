-- The language of a contact ("" = by its country) and when it was last asked whether
-- it is right.
ALTER TABLE registry_contact ADD COLUMN lang $TEXT NOT NULL DEFAULT '';
ALTER TABLE registry_contact ADD COLUMN asked $TIME NOT NULL DEFAULT 0;
CREATE INDEX registry_contact_verified ON registry_contact (verified, asked, id) WHERE email_key <> '' AND bounces = 0;

-- One letter to one address that asks about the contact points which have it. The
-- link's token is kept as a keyed hash.
CREATE TABLE registry_ask (
  id $ID PRIMARY KEY,
  email_key $TEXT NOT NULL,
  token_hash $TEXT NOT NULL UNIQUE,
  at $TIME NOT NULL,
  ends $TIME NOT NULL
)$STRICT;
CREATE INDEX registry_ask_email ON registry_ask (email_key, at);

-- The contact points of a letter, and what was answered about each: "", right, wrong.
CREATE TABLE registry_asked (
  id $ID PRIMARY KEY,
  ask_id $ID NOT NULL REFERENCES registry_ask (id),
  contact_id $ID NOT NULL,
  answer $TEXT NOT NULL,
  at $TIME NOT NULL,
  UNIQUE (ask_id, contact_id)
)$STRICT;

-- What somebody behind a letter said is wrong: a task on the organisation's page.
CREATE TABLE registry_remark (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  contact $TEXT NOT NULL,
  body $TEXT NOT NULL,
  at $TIME NOT NULL,
  settled $TIME NOT NULL,
  settled_by $ID NOT NULL
)$STRICT;
CREATE INDEX registry_remark_org ON registry_remark (org_id, id);
