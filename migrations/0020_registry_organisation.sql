-- Who is who: organisations, their names, contacts, what they hold on the
-- Internet, their assets; which CERT looks after whom; every change; merges.
--
-- Keys that are compared or searched by prefix are $BLOB: bytes compare alike on
-- both engines, text does not.
CREATE TABLE registry_organisation (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL,
  name_key $TEXT NOT NULL,
  sort_key $BLOB NOT NULL,
  names $JSON NOT NULL,
  aliases $JSON NOT NULL,
  kind $TEXT NOT NULL,
  sector $TEXT NOT NULL,
  country $TEXT NOT NULL,
  registration_no $TEXT NOT NULL,
  tax_no $TEXT NOT NULL,
  seat $TEXT NOT NULL,
  website $TEXT NOT NULL,
  note $TEXT NOT NULL,
  host $BOOL NOT NULL,
  local $BOOL NOT NULL,
  state $TEXT NOT NULL,
  merged_into $ID,
  resolved_id $ID NOT NULL,
  cert_id $ID NOT NULL,
  disclosure $TEXT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  detail_audience_id $ID NOT NULL REFERENCES access_audience (id),
  contacts $INT NOT NULL,
  contacts_verified $TIME NOT NULL,
  contacts_bounced $INT NOT NULL,
  created $TIME NOT NULL,
  updated $TIME NOT NULL,
  version $INT NOT NULL
)$STRICT;
-- A name is taken once among those that are not merged away; two organisations
-- may share it when their registration numbers differ (hence the key, not the name).
CREATE UNIQUE INDEX registry_organisation_name ON registry_organisation (name_key) WHERE merged_into IS NULL;
CREATE UNIQUE INDEX registry_organisation_host ON registry_organisation (host) WHERE host;
CREATE INDEX registry_organisation_exact ON registry_organisation (name);
CREATE INDEX registry_organisation_registration ON registry_organisation (registration_no) WHERE registration_no <> '';
CREATE INDEX registry_organisation_sort ON registry_organisation (sort_key, id);
CREATE INDEX registry_organisation_kind ON registry_organisation (kind, sort_key, id);
CREATE INDEX registry_organisation_sector ON registry_organisation (sector, sort_key, id);
CREATE INDEX registry_organisation_cert ON registry_organisation (cert_id, sort_key, id);
CREATE INDEX registry_organisation_updated ON registry_organisation (updated, id);
CREATE INDEX registry_organisation_resolved ON registry_organisation (resolved_id);

-- Folded words of names, aliases and numbers, of an organisation and of all that
-- were merged into it: the search index, kept in Go.
CREATE TABLE registry_word (
  id $ID PRIMARY KEY,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  word $BLOB NOT NULL
)$STRICT;
CREATE INDEX registry_word_word ON registry_word (word, org_id);
CREATE INDEX registry_word_org ON registry_word (org_id);

CREATE TABLE registry_contact (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  kind $TEXT NOT NULL,
  name $TEXT NOT NULL,
  job $TEXT NOT NULL,
  phone $TEXT NOT NULL,
  email $TEXT NOT NULL,
  email_key $TEXT NOT NULL,
  hours $TEXT NOT NULL,
  verified $TIME NOT NULL,
  verified_by $ID NOT NULL,
  bounces $INT NOT NULL,
  bounced $TIME NOT NULL,
  bounce_reason $TEXT NOT NULL,
  created $TIME NOT NULL,
  updated $TIME NOT NULL
)$STRICT;
CREATE INDEX registry_contact_org ON registry_contact (org_id, id);
CREATE INDEX registry_contact_email ON registry_contact (email_key) WHERE email_key <> '';

-- What an organisation holds on the Internet: networks, domains, AS numbers.
CREATE TABLE registry_resource (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  kind $TEXT NOT NULL,
  value $TEXT NOT NULL,
  lo $BLOB,
  hi $BLOB,
  note $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE UNIQUE INDEX registry_resource_once ON registry_resource (org_id, kind, value);
CREATE INDEX registry_resource_value ON registry_resource (kind, value);
CREATE INDEX registry_resource_range ON registry_resource (lo, hi) WHERE lo IS NOT NULL;

CREATE TABLE registry_asset (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  kind $TEXT NOT NULL,
  name $TEXT NOT NULL,
  product $TEXT NOT NULL,
  criticality $INT NOT NULL,
  note $TEXT NOT NULL,
  created $TIME NOT NULL,
  updated $TIME NOT NULL
)$STRICT;
CREATE INDEX registry_asset_org ON registry_asset (org_id, id);

CREATE TABLE registry_constituency (
  id $ID PRIMARY KEY,
  cert_id $ID NOT NULL REFERENCES registry_organisation (id),
  basis $TEXT NOT NULL,
  value $TEXT NOT NULL,
  created $TIME NOT NULL,
  UNIQUE (basis, value)
)$STRICT;
CREATE INDEX registry_constituency_cert ON registry_constituency (cert_id, id);

-- One row per act on one organisation: who, when, which fields from what to what.
CREATE TABLE registry_change (
  id $ID PRIMARY KEY,
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  version $INT NOT NULL,
  at $TIME NOT NULL,
  actor $TEXT NOT NULL,
  actor_name $TEXT NOT NULL,
  act $TEXT NOT NULL,
  fields $JSON NOT NULL
)$STRICT;
CREATE INDEX registry_change_org ON registry_change (org_id, id);

CREATE TABLE registry_merge (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  into_id $ID NOT NULL REFERENCES registry_organisation (id),
  at $TIME NOT NULL,
  until $TIME NOT NULL,
  undone $TIME NOT NULL
)$STRICT;
CREATE INDEX registry_merge_into ON registry_merge (into_id, id);

-- What a merge moved: which row of which table from which organisation; for the
-- organisations themselves, the state they were in.
CREATE TABLE registry_merge_item (
  id $ID PRIMARY KEY,
  merge_id $ID NOT NULL REFERENCES registry_merge (id),
  kind $TEXT NOT NULL,
  row_id $ID NOT NULL,
  from_org $ID NOT NULL,
  was $TEXT NOT NULL
)$STRICT;
CREATE INDEX registry_merge_item_merge ON registry_merge_item (merge_id, id);

-- The number that look-up tables in memory compare: it changes with every network.
CREATE TABLE registry_epoch (
  id $ID PRIMARY KEY,
  epoch $INT NOT NULL
)$STRICT;
