-- Clusters of one's own beside the imported ones. What only they have stands in a
-- table of its own: 46,000 imported ones need none of it. deleted = when it was
-- softly deleted (0 = it is not); also_fold = its other names, for the search.
ALTER TABLE catalog_cluster ADD COLUMN deleted $TIME NOT NULL DEFAULT 0;
ALTER TABLE catalog_cluster ADD COLUMN also_fold $TEXT NOT NULL DEFAULT '';

CREATE TABLE catalog_own (
  cluster_id $ID PRIMARY KEY REFERENCES catalog_cluster (id),
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  level $INT NOT NULL,
  group_id $ID NOT NULL,
  org_id $ID NOT NULL,
  origin_id $ID NOT NULL,
  origin_uuid $TEXT NOT NULL,
  origin_name $TEXT NOT NULL,
  version $INT NOT NULL,
  extends_uuid $TEXT NOT NULL,
  extends_version $INT NOT NULL,
  published $BOOL NOT NULL,
  locked $BOOL NOT NULL,
  created $TIME NOT NULL,
  modified $TIME NOT NULL
)$STRICT;
CREATE INDEX catalog_own_audience ON catalog_own (audience_id, cluster_id);
CREATE INDEX catalog_own_extends ON catalog_own (extends_uuid);

-- From one cluster to another, which may not be here. audience_id NULL: it came
-- with an imported catalogue. tags is a JSON list of names, '' = none.
CREATE TABLE catalog_relation (
  id $ID PRIMARY KEY,
  cluster_id $ID NOT NULL REFERENCES catalog_cluster (id),
  target $TEXT NOT NULL,
  kind $TEXT NOT NULL,
  tags $TEXT NOT NULL,
  audience_id $ID REFERENCES access_audience (id),
  level $INT NOT NULL,
  group_id $ID NOT NULL
)$STRICT;
CREATE INDEX catalog_relation_cluster ON catalog_relation (cluster_id);
CREATE INDEX catalog_relation_target ON catalog_relation (target);

-- What was deleted for good, or is not wanted: it does not come in again.
CREATE TABLE catalog_blocked (
  id $ID PRIMARY KEY,
  uuid $TEXT NOT NULL UNIQUE,
  info $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  org_name $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;

-- A taxonomy of which every published event must carry a tag, or whose tags exclude
-- each other, and one that is shown first.
ALTER TABLE catalog_item ADD COLUMN required $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE catalog_item ADD COLUMN exclusive $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE catalog_item ADD COLUMN highlighted $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE catalog_item ADD COLUMN own $BOOL NOT NULL DEFAULT FALSE;
