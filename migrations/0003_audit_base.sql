-- The audit log: lines written in the act's transaction, numbered soon after
-- into a Merkle tree (RFC 6962) with signed checkpoints.
CREATE TABLE audit_line (
  id $ID PRIMARY KEY,
  at $TIME NOT NULL,
  actor $TEXT NOT NULL,
  person $INT NOT NULL,
  org $INT NOT NULL,
  cert $INT NOT NULL,
  channel $TEXT NOT NULL,
  request $TEXT NOT NULL,
  verb $TEXT NOT NULL,
  kind $TEXT NOT NULL,
  object $INT NOT NULL,
  label $TEXT NOT NULL,
  detail $JSON NOT NULL,
  salt $TEXT NOT NULL,
  leaf $TEXT NOT NULL,
  mac $TEXT NOT NULL,
  erased $TEXT NOT NULL DEFAULT '',
  leaf_no $INT
)$STRICT;
CREATE UNIQUE INDEX audit_line_leaf_no ON audit_line (leaf_no);
CREATE INDEX audit_line_object ON audit_line (kind, object, id);
CREATE INDEX audit_line_person ON audit_line (person, id);
CREATE INDEX audit_line_waiting ON audit_line (id) WHERE leaf_no IS NULL;

CREATE TABLE audit_hash (
  idx $ID PRIMARY KEY,
  hash $BLOB NOT NULL
)$STRICT;

CREATE TABLE audit_checkpoint (
  size $ID PRIMARY KEY,
  root $TEXT NOT NULL,
  at $TIME NOT NULL,
  note $TEXT NOT NULL
)$STRICT;
