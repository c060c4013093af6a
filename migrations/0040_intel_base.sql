-- Threat data: events, objects, attributes, references, tags, sharing groups.
-- Shaped for 10 million attributes: few indexes, because random indexes are what
-- limits loading. key1 and key2 are hashes of an attribute's normalised halves:
-- exact search and correlation both go through them; there is no pair table.

-- distribution is MISP's level (0-4; children 5 = inherit, audience_id NULL).
-- attributes counts children that are not deleted; own_audiences counts children
-- with an audience of their own: while it is 0, everybody who sees the event
-- sees the same count, and nothing has to be counted.
-- loading is 0 for a whole event, else the time of the last chunk written.
CREATE TABLE intel_event (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  orgc_id $ID NOT NULL REFERENCES registry_organisation (id),
  creator $INT NOT NULL,
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  date $TEXT NOT NULL,
  info $TEXT NOT NULL,
  info_fold $TEXT NOT NULL,
  threat $INT NOT NULL,
  analysis $INT NOT NULL,
  published $BOOL NOT NULL,
  locked $BOOL NOT NULL,
  proposal_lock $BOOL NOT NULL,
  protected $BOOL,
  no_correlation $BOOL NOT NULL,
  timestamp $INT NOT NULL,
  publish_timestamp $INT NOT NULL,
  sighting_timestamp $INT NOT NULL,
  extends_uuid $TEXT NOT NULL,
  tlp $TEXT NOT NULL,
  pap $TEXT NOT NULL,
  attributes $INT NOT NULL,
  own_audiences $INT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL,
  loading $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_event_changed ON intel_event (changed, id);
CREATE INDEX intel_event_timestamp ON intel_event (timestamp, id);
CREATE INDEX intel_event_date ON intel_event (date, id);
CREATE INDEX intel_event_loading ON intel_event (loading) WHERE loading <> 0;

CREATE TABLE intel_object (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL REFERENCES intel_event (id),
  uuid $UUID NOT NULL UNIQUE,
  audience_id $ID REFERENCES access_audience (id),
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  name $TEXT NOT NULL,
  meta_category $TEXT NOT NULL,
  description $TEXT NOT NULL,
  template_uuid $TEXT NOT NULL,
  template_version $INT NOT NULL,
  comment $TEXT NOT NULL,
  deleted $BOOL NOT NULL,
  timestamp $INT NOT NULL,
  first_seen $TIME,
  last_seen $TIME
)$STRICT;
CREATE INDEX intel_object_event ON intel_object (event_id, id);

-- object_id 0 = in no object. key2 is NULL where the value has one half only.
CREATE TABLE intel_attribute (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL,
  object_id $ID NOT NULL,
  uuid $UUID NOT NULL,
  audience_id $ID REFERENCES access_audience (id),
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  type $TEXT NOT NULL,
  category $TEXT NOT NULL,
  value $TEXT NOT NULL,
  relation $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  to_ids $BOOL NOT NULL,
  deleted $BOOL NOT NULL,
  no_correlation $BOOL NOT NULL,
  timestamp $INT NOT NULL,
  first_seen $TIME,
  last_seen $TIME,
  data_size $INT NOT NULL,
  key1 $INT NOT NULL,
  key2 $INT
)$STRICT;
CREATE UNIQUE INDEX intel_attribute_uuid ON intel_attribute (uuid);
CREATE INDEX intel_attribute_event ON intel_attribute (event_id, object_id, id);
CREATE INDEX intel_attribute_key1 ON intel_attribute (key1);
CREATE INDEX intel_attribute_key2 ON intel_attribute (key2) WHERE key2 IS NOT NULL;
CREATE INDEX intel_attribute_timestamp ON intel_attribute (timestamp);

-- Attachments and samples, as they came; samples stay in their infected archive.
CREATE TABLE intel_data (
  attribute_id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  sha256 $TEXT NOT NULL,
  bytes $BLOB NOT NULL
)$STRICT;
CREATE INDEX intel_data_event ON intel_data (event_id);

CREATE TABLE intel_reference (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL REFERENCES intel_event (id),
  object_id $ID NOT NULL REFERENCES intel_object (id),
  uuid $UUID NOT NULL UNIQUE,
  target_uuid $UUID NOT NULL,
  target_id $INT NOT NULL,
  target_type $INT NOT NULL,
  relationship $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  deleted $BOOL NOT NULL,
  timestamp $INT NOT NULL
)$STRICT;
CREATE INDEX intel_reference_object ON intel_reference (object_id, id);
CREATE INDEX intel_reference_event ON intel_reference (event_id);

-- made_by 0: a word of the common vocabulary. Else the tag came with an event of
-- that organisation, and others learn of it where they see it used.
CREATE TABLE intel_tag (
  id $ID PRIMARY KEY,
  name $TEXT NOT NULL UNIQUE,
  name_fold $TEXT NOT NULL,
  colour $TEXT NOT NULL,
  exportable $BOOL NOT NULL,
  hidden $BOOL NOT NULL,
  local_only $BOOL NOT NULL,
  org_id $INT NOT NULL,
  user_id $INT NOT NULL,
  made_by $INT NOT NULL,
  numerical_value $INT
)$STRICT;
CREATE INDEX intel_tag_fold ON intel_tag (name_fold);

-- attribute_id 0 = on the event itself.
CREATE TABLE intel_tagging (
  id $ID PRIMARY KEY,
  tag_id $ID NOT NULL REFERENCES intel_tag (id),
  event_id $ID NOT NULL,
  attribute_id $ID NOT NULL,
  local $BOOL NOT NULL,
  relationship $TEXT NOT NULL
)$STRICT;
CREATE UNIQUE INDEX intel_tagging_what ON intel_tagging (event_id, attribute_id, tag_id);
CREATE INDEX intel_tagging_tag ON intel_tagging (tag_id, event_id, attribute_id);

CREATE TABLE intel_group (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL UNIQUE,
  releasability $TEXT NOT NULL,
  description $TEXT NOT NULL,
  org_id $INT NOT NULL,
  active $BOOL NOT NULL,
  local $BOOL NOT NULL,
  roaming $BOOL NOT NULL,
  sync_user $INT NOT NULL,
  created $TIME NOT NULL,
  modified $TIME NOT NULL
)$STRICT;

CREATE TABLE intel_group_org (
  id $ID PRIMARY KEY,
  group_id $ID NOT NULL REFERENCES intel_group (id),
  org_id $INT NOT NULL,
  extend $BOOL NOT NULL,
  UNIQUE (group_id, org_id)
)$STRICT;

-- server_id 0 = this installation.
CREATE TABLE intel_group_server (
  id $ID PRIMARY KEY,
  group_id $ID NOT NULL REFERENCES intel_group (id),
  server_id $INT NOT NULL,
  url $TEXT NOT NULL,
  name $TEXT NOT NULL,
  all_orgs $BOOL NOT NULL,
  UNIQUE (group_id, server_id, url)
)$STRICT;

CREATE TABLE intel_report (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL REFERENCES intel_event (id),
  uuid $UUID NOT NULL UNIQUE,
  audience_id $ID REFERENCES access_audience (id),
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  name $TEXT NOT NULL,
  content $TEXT NOT NULL,
  deleted $BOOL NOT NULL,
  timestamp $INT NOT NULL
)$STRICT;
CREATE INDEX intel_report_event ON intel_report (event_id);

CREATE TABLE intel_sighting (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  event_id $INT NOT NULL,
  attribute_id $INT NOT NULL,
  org_id $INT NOT NULL,
  kind $INT NOT NULL,
  source $TEXT NOT NULL,
  seen $INT NOT NULL
)$STRICT;
CREATE INDEX intel_sighting_attribute ON intel_sighting (attribute_id, id);
CREATE INDEX intel_sighting_event ON intel_sighting (event_id, id);

-- Events that were deleted here or are not wanted: they do not come back.
CREATE TABLE intel_block (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  info $TEXT NOT NULL,
  orgc $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;

-- Links back to what an event was made for: a case, a report, a finding.
CREATE TABLE intel_origin (
  id $ID PRIMARY KEY,
  event_id $INT NOT NULL,
  attribute_id $INT NOT NULL,
  kind $TEXT NOT NULL,
  ref $INT NOT NULL,
  UNIQUE (kind, ref, event_id, attribute_id)
)$STRICT;
CREATE INDEX intel_origin_event ON intel_origin (event_id);
