-- What can be imported: taxonomies, galaxies with clusters, object templates,
-- relationship names, warning lists, decaying models. body is the upstream JSON,
-- compressed with zstd; the columns are what lists and look-ups need.
CREATE TABLE catalog_item (
  id $ID PRIMARY KEY,
  kind $TEXT NOT NULL,
  key $TEXT NOT NULL,
  uuid $TEXT NOT NULL,
  name $TEXT NOT NULL,
  description $TEXT NOT NULL,
  class $TEXT NOT NULL,
  version $INT NOT NULL,
  enabled $BOOL NOT NULL,
  builtin $BOOL NOT NULL,
  entries $INT NOT NULL,
  types $TEXT NOT NULL,
  body $BLOB NOT NULL,
  changed $TIME NOT NULL,
  UNIQUE (kind, key)
)$STRICT;
CREATE INDEX catalog_item_uuid ON catalog_item (uuid);
CREATE INDEX catalog_item_changed ON catalog_item (kind, changed);

CREATE TABLE catalog_cluster (
  id $ID PRIMARY KEY,
  galaxy_id $ID NOT NULL REFERENCES catalog_item (id),
  uuid $TEXT NOT NULL,
  value $TEXT NOT NULL,
  value_fold $TEXT NOT NULL,
  tag_fold $TEXT NOT NULL,
  body $BLOB NOT NULL
)$STRICT;
CREATE INDEX catalog_cluster_galaxy ON catalog_cluster (galaxy_id, value_fold);
CREATE INDEX catalog_cluster_tag ON catalog_cluster (tag_fold);
CREATE INDEX catalog_cluster_uuid ON catalog_cluster (uuid);
