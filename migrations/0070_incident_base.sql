-- Cases and what hangs on them. Every change of a case goes through incident_act,
-- which keeps each row's values before and after, so that an act can be undone as
-- an inverse act. Merged cases keep their rows: resolved_id names the case that
-- their old number leads to.
CREATE TABLE incident_case (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  number $TEXT NOT NULL UNIQUE,
  cert $INT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  title $TEXT NOT NULL,
  summary $TEXT NOT NULL,
  state $TEXT NOT NULL,
  waiting $TEXT NOT NULL,
  lead $INT NOT NULL,
  lead_name $TEXT NOT NULL,
  severity $TEXT NOT NULL,
  severity_rank $INT NOT NULL,
  computed $TEXT NOT NULL,
  rule $TEXT NOT NULL,
  why $TEXT NOT NULL,
  facts $TEXT NOT NULL,
  tlp $TEXT NOT NULL,
  pap $TEXT NOT NULL,
  class $TEXT NOT NULL,
  class_of $TEXT NOT NULL,
  classes $TEXT NOT NULL,
  national $TEXT NOT NULL,
  sectors $TEXT NOT NULL,
  tags $TEXT NOT NULL,
  root_cause $TEXT NOT NULL,
  impact $TEXT NOT NULL,
  lessons $TEXT NOT NULL,
  retention $TEXT NOT NULL,
  aware $TIME NOT NULL,
  answered $TIME NOT NULL,
  opened $TIME NOT NULL,
  closed $TIME NOT NULL,
  updated $TIME NOT NULL,
  merged_into $INT NOT NULL,
  resolved_id $INT NOT NULL,
  version $INT NOT NULL
)$STRICT;
CREATE INDEX incident_case_updated ON incident_case (updated, id);
CREATE INDEX incident_case_state ON incident_case (state, updated, id);
CREATE INDEX incident_case_lead ON incident_case (lead, updated, id);
CREATE INDEX incident_case_severity ON incident_case (severity_rank, updated, id);
CREATE INDEX incident_case_class ON incident_case (class, updated, id);
CREATE INDEX incident_case_class_of ON incident_case (class_of, updated, id);
CREATE INDEX incident_case_opened ON incident_case (opened, id);
CREATE INDEX incident_case_resolved ON incident_case (resolved_id);
CREATE INDEX incident_case_audience ON incident_case (audience_id, updated, id);

CREATE TABLE incident_word (
  case_id $ID NOT NULL REFERENCES incident_case (id),
  word $BLOB NOT NULL,
  PRIMARY KEY (case_id, word)
)$STRICT;
CREATE INDEX incident_word_word ON incident_word (word, case_id);

CREATE TABLE incident_org (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  org $INT NOT NULL,
  name $TEXT NOT NULL
)$STRICT;
CREATE INDEX incident_org_case ON incident_org (case_id);
CREATE INDEX incident_org_org ON incident_org (org, case_id);

CREATE TABLE incident_party (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  org $INT NOT NULL,
  name $TEXT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  number $TEXT NOT NULL,
  subject $TEXT NOT NULL,
  tlp $TEXT NOT NULL,
  state $TEXT NOT NULL,
  deadline $TIME NOT NULL,
  thread $INT NOT NULL,
  created $TIME NOT NULL,
  updated $TIME NOT NULL
)$STRICT;
CREATE INDEX incident_party_case ON incident_party (case_id);
CREATE INDEX incident_party_org ON incident_party (org, updated);
CREATE INDEX incident_party_thread ON incident_party (thread);

CREATE TABLE incident_task (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  title $TEXT NOT NULL,
  due $TIME NOT NULL,
  assignee $INT NOT NULL,
  assignee_name $TEXT NOT NULL,
  done $TIME NOT NULL,
  done_by $TEXT NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE INDEX incident_task_case ON incident_task (case_id);

CREATE TABLE incident_entry (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  kind $TEXT NOT NULL,
  happened $TIME NOT NULL,
  zone $TEXT NOT NULL,
  recorded $TIME NOT NULL,
  body $TEXT NOT NULL,
  source $TEXT NOT NULL,
  technique $TEXT NOT NULL,
  author $TEXT NOT NULL
)$STRICT;
CREATE INDEX incident_entry_case ON incident_entry (case_id, happened);

CREATE TABLE incident_note (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  body $TEXT NOT NULL,
  person $INT NOT NULL,
  author $TEXT NOT NULL,
  at $TIME NOT NULL,
  edited $TIME NOT NULL,
  revision $INT NOT NULL
)$STRICT;
CREATE INDEX incident_note_case ON incident_note (case_id);

CREATE TABLE incident_measure (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  what $TEXT NOT NULL,
  who $TEXT NOT NULL,
  state $TEXT NOT NULL,
  requested $TIME NOT NULL,
  active $TIME NOT NULL,
  removed $TIME NOT NULL
)$STRICT;
CREATE INDEX incident_measure_case ON incident_measure (case_id);

CREATE TABLE incident_link (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  kind $TEXT NOT NULL,
  ref $INT NOT NULL,
  label $TEXT NOT NULL,
  relation $TEXT NOT NULL,
  at $TIME NOT NULL,
  author $TEXT NOT NULL
)$STRICT;
CREATE UNIQUE INDEX incident_link_once ON incident_link (case_id, kind, ref, label);
CREATE INDEX incident_link_ref ON incident_link (kind, ref);

-- Evidence is sealed before it is stored; its custody is only ever added to.
CREATE TABLE incident_evidence (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  uuid $UUID NOT NULL UNIQUE,
  label $TEXT NOT NULL,
  name $TEXT NOT NULL,
  about $TEXT NOT NULL,
  size $INT NOT NULL,
  sha256 $TEXT NOT NULL,
  blob $TEXT NOT NULL,
  at $TIME NOT NULL,
  author $TEXT NOT NULL
)$STRICT;
CREATE INDEX incident_evidence_case ON incident_evidence (case_id);

CREATE TABLE incident_custody (
  id $ID PRIMARY KEY,
  evidence_id $ID NOT NULL REFERENCES incident_evidence (id),
  at $TIME NOT NULL,
  person $INT NOT NULL,
  author $TEXT NOT NULL,
  act $TEXT NOT NULL,
  detail $TEXT NOT NULL
)$STRICT;
CREATE INDEX incident_custody_evidence ON incident_custody (evidence_id);

CREATE TABLE incident_act (
  id $ID PRIMARY KEY,
  case_id $ID NOT NULL REFERENCES incident_case (id),
  at $TIME NOT NULL,
  person $INT NOT NULL,
  author $TEXT NOT NULL,
  verb $TEXT NOT NULL,
  label $TEXT NOT NULL,
  fields $TEXT NOT NULL,
  changes $TEXT NOT NULL,
  version $INT NOT NULL,
  undoes $INT NOT NULL,
  undone_by $INT NOT NULL
)$STRICT;
CREATE INDEX incident_act_case ON incident_act (case_id, id);

CREATE TABLE incident_view (
  id $ID PRIMARY KEY,
  person $INT NOT NULL,
  name $TEXT NOT NULL,
  query $TEXT NOT NULL,
  UNIQUE (person, name)
)$STRICT;

-- The hand-over of a shift: lines that the next one ticks off, and who took over.
CREATE TABLE incident_handover (
  id $ID PRIMARY KEY,
  cert $INT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  kind $TEXT NOT NULL,
  shift $TEXT NOT NULL,
  body $TEXT NOT NULL,
  person $INT NOT NULL,
  author $TEXT NOT NULL,
  at $TIME NOT NULL,
  done $TIME NOT NULL,
  done_by $TEXT NOT NULL
)$STRICT;
CREATE INDEX incident_handover_shift ON incident_handover (cert, at);
