-- Analyst data: notes, opinions, relationships on any UUID, which need not be
-- here. root is what the chain of remarks ends in: the target itself, or the
-- target of the remark that this one is about; event_id is the event of the root
-- when that was known, and stays when it goes. kind: note, opinion, relationship.
CREATE TABLE intel_remark (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  kind $TEXT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  orgc_id $ID NOT NULL REFERENCES registry_organisation (id),
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  locked $BOOL NOT NULL,
  target $UUID NOT NULL,
  target_type $TEXT NOT NULL,
  root $UUID NOT NULL,
  event_id $ID NOT NULL,
  authors $TEXT NOT NULL,
  text $TEXT NOT NULL,
  language $TEXT NOT NULL,
  opinion $INT NOT NULL,
  relationship $TEXT NOT NULL,
  related $TEXT NOT NULL,
  related_type $TEXT NOT NULL,
  created $INT NOT NULL,
  modified $INT NOT NULL,
  changed $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_remark_target ON intel_remark (target, id);
CREATE INDEX intel_remark_root ON intel_remark (root);
CREATE INDEX intel_remark_modified ON intel_remark (modified, id);
