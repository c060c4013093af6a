-- Tags that were merged into others: what the tag was that went, and where it stood, so
-- that a merging is taken back within a month. Both go after that.
--
-- tag_id is the tag that goes, and below it all that it was; uses is how often it stood
-- when the merging began. state: merging, merged, undoing, undone.
CREATE TABLE intel_tag_merge (
  id $ID PRIMARY KEY,
  tag_id $INT NOT NULL,
  into_id $INT NOT NULL,
  name $TEXT NOT NULL,
  colour $TEXT NOT NULL,
  exportable $BOOL NOT NULL,
  hidden $BOOL NOT NULL,
  local_only $BOOL NOT NULL,
  org_id $INT NOT NULL,
  user_id $INT NOT NULL,
  made_by $INT NOT NULL,
  numerical_value $INT,
  uses $INT NOT NULL,
  state $TEXT NOT NULL,
  person_id $INT NOT NULL,
  by_org $INT NOT NULL,
  at $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_tag_merge_into ON intel_tag_merge (into_id);
CREATE INDEX intel_tag_merge_at ON intel_tag_merge (at);

-- One row for each use that was moved, or dropped because the other tag stood there as
-- well; use_id is the use's own id, which it keeps. A row goes when its use is back; left
-- says that it was changed since and stays as it is.
CREATE TABLE intel_tag_merge_use (
  id $ID PRIMARY KEY,
  merge_id $ID NOT NULL REFERENCES intel_tag_merge (id),
  use_id $INT NOT NULL,
  event_id $INT NOT NULL,
  attribute_id $INT NOT NULL,
  local $BOOL NOT NULL,
  relationship $TEXT NOT NULL,
  dropped $BOOL NOT NULL,
  left_there $BOOL NOT NULL
)$STRICT;
CREATE INDEX intel_tag_merge_use_of ON intel_tag_merge_use (merge_id, left_there, id);

-- Whose favourite it was; dropped: the other was theirs already.
CREATE TABLE intel_tag_merge_liked (
  id $ID PRIMARY KEY,
  merge_id $ID NOT NULL REFERENCES intel_tag_merge (id),
  person_id $INT NOT NULL,
  dropped $BOOL NOT NULL
)$STRICT;
CREATE INDEX intel_tag_merge_liked_of ON intel_tag_merge_liked (merge_id);
