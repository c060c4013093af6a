-- Dossiers: lists of threat data about one thing that somebody keeps by hand, as
-- MISP 2.5 has them. An element names what it means by UUID, which need not be here.
CREATE TABLE intel_dossier (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  org_id $ID NOT NULL REFERENCES registry_organisation (id),
  orgc_id $ID NOT NULL REFERENCES registry_organisation (id),
  person_id $INT NOT NULL,
  distribution $INT NOT NULL,
  group_id $INT NOT NULL,
  locked $BOOL NOT NULL,
  type $TEXT NOT NULL,
  name $TEXT NOT NULL,
  name_fold $TEXT NOT NULL,
  description $TEXT NOT NULL,
  created $INT NOT NULL,
  modified $INT NOT NULL,
  changed $TIME NOT NULL
)$STRICT;

CREATE TABLE intel_dossier_element (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  dossier_id $ID NOT NULL REFERENCES intel_dossier (id),
  target $UUID NOT NULL,
  target_type $TEXT NOT NULL,
  description $TEXT NOT NULL,
  UNIQUE (dossier_id, target)
)$STRICT;
CREATE INDEX intel_dossier_element_target ON intel_dossier_element (target);
