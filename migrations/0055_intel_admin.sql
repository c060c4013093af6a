-- Organisations whose events are not wanted, whoever brings them. stopped counts
-- what was refused.
CREATE TABLE intel_org_block (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  name $TEXT NOT NULL,
  comment $TEXT NOT NULL,
  created $TIME NOT NULL,
  stopped $INT NOT NULL,
  last_stopped $TIME NOT NULL
)$STRICT;

-- Settings by MISP's names: person_id 0 is the installation's, else a person's own.
CREATE TABLE intel_setting (
  id $ID PRIMARY KEY,
  person_id $INT NOT NULL,
  name $TEXT NOT NULL,
  value $TEXT NOT NULL,
  timestamp $INT NOT NULL,
  UNIQUE (person_id, name)
)$STRICT;

-- What MISP's clients say of an organisation in words of their own (nationality,
-- sector, type are free text there); the registry's card stands beside it.
CREATE TABLE intel_org_card (
  org_id $ID PRIMARY KEY,
  description $TEXT,
  type $TEXT NOT NULL,
  nationality $TEXT NOT NULL,
  sector $TEXT NOT NULL,
  contacts $TEXT,
  domains $TEXT,
  created_by $INT NOT NULL
)$STRICT;
