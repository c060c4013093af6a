-- What was sent: raw, never changed. code_hash is the keyed look-up of the receipt
-- code, wrapped_key the submission's private key under it.
CREATE TABLE intake_submission (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  cert $ID NOT NULL,
  channel $TEXT NOT NULL,
  lang $TEXT NOT NULL,
  received $TIME NOT NULL,
  received_by $TEXT NOT NULL,
  form $TEXT NOT NULL,
  form_version $INT NOT NULL,
  code_hash $TEXT NOT NULL UNIQUE,
  public_key $TEXT NOT NULL,
  wrapped_key $BLOB NOT NULL,
  sealed $BOOL NOT NULL,
  body $TEXT NOT NULL,
  sealed_body $BLOB,
  audience_id $ID NOT NULL REFERENCES access_audience (id)
)$STRICT;

-- Our handling of it.
CREATE TABLE intake_report (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  number $TEXT NOT NULL UNIQUE,
  cert $ID NOT NULL,
  submission_id $ID NOT NULL REFERENCES intake_submission (id),
  channel $TEXT NOT NULL,
  lang $TEXT NOT NULL,
  sealed $BOOL NOT NULL,
  anonymous $BOOL NOT NULL,
  what $TEXT NOT NULL,
  title $TEXT NOT NULL,
  type $TEXT NOT NULL,
  state $TEXT NOT NULL,
  org $ID NOT NULL,
  sector $TEXT NOT NULL,
  severity $INT NOT NULL,
  tlp $TEXT NOT NULL,
  assignee $ID NOT NULL,
  duplicate_of $ID NOT NULL,
  case_id $ID NOT NULL,
  triage $JSON NOT NULL,
  received $TIME NOT NULL,
  acked $TIME NOT NULL,
  triaged $TIME NOT NULL,
  answered $TIME NOT NULL,
  triage_due $TIME NOT NULL,
  answer_due $TIME NOT NULL,
  due $TIME NOT NULL,
  open_due $TIME NOT NULL,
  files $INT NOT NULL,
  messages $INT NOT NULL,
  unread $INT NOT NULL,
  similar_count $INT NOT NULL,
  from_report $ID NOT NULL,
  updated $TIME NOT NULL,
  version $INT NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id)
)$STRICT;
-- The queue reads these two alone, filters included, and fetches fifty rows after:
-- open_due is 0 once a report is decided.
CREATE INDEX intake_report_queue ON intake_report (open_due, id, state, type, severity, channel, tlp, assignee, due, unread, org, cert, audience_id);
CREATE INDEX intake_report_newest ON intake_report (received, id, state, type, severity, channel, tlp, assignee, due, unread, org, cert, audience_id);
CREATE INDEX intake_report_new ON intake_report (received, id) WHERE state = 'new';
CREATE INDEX intake_report_updated ON intake_report (updated, id);
CREATE INDEX intake_report_org ON intake_report (org, received) WHERE org <> 0;
CREATE INDEX intake_report_case ON intake_report (case_id) WHERE case_id <> 0;
CREATE INDEX intake_report_duplicate ON intake_report (duplicate_of) WHERE duplicate_of <> 0;
CREATE INDEX intake_report_submission ON intake_report (submission_id);

-- Who reported: sealed, with an audience of its own. postman is the address that
-- only the postman opens.
CREATE TABLE intake_reporter (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  report_id $ID NOT NULL UNIQUE REFERENCES intake_report (id),
  cert $ID NOT NULL,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  sealed $BLOB NOT NULL,
  postman $BLOB,
  person $ID NOT NULL,
  has_email $BOOL NOT NULL,
  has_phone $BOOL NOT NULL
)$STRICT;
CREATE INDEX intake_reporter_person ON intake_reporter (person) WHERE person <> 0;

-- Attachments. name and type are '' when sealed: they stand in the sealed body.
CREATE TABLE intake_file (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  report_id $ID NOT NULL REFERENCES intake_report (id),
  message_id $ID NOT NULL,
  name $TEXT NOT NULL,
  type $TEXT NOT NULL,
  size $INT NOT NULL,
  sha256 $TEXT NOT NULL,
  sealed $BOOL NOT NULL,
  blob $TEXT NOT NULL
)$STRICT;
CREATE INDEX intake_file_report ON intake_file (report_id, id);

-- The conversation with the reporter.
CREATE TABLE intake_message (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  report_id $ID NOT NULL REFERENCES intake_report (id),
  at $TIME NOT NULL,
  from_us $BOOL NOT NULL,
  person $ID NOT NULL,
  author $TEXT NOT NULL,
  question $BOOL NOT NULL,
  body $TEXT NOT NULL,
  sealed_body $BLOB
)$STRICT;
CREATE INDEX intake_message_report ON intake_message (report_id, at, id);

-- Every step of triage with what it was before: the history, and what undo needs.
CREATE TABLE intake_act (
  id $ID PRIMARY KEY,
  report_id $ID NOT NULL REFERENCES intake_report (id),
  at $TIME NOT NULL,
  person $ID NOT NULL,
  author $TEXT NOT NULL,
  verb $TEXT NOT NULL,
  was $JSON NOT NULL,
  is_now $JSON NOT NULL,
  undoes $ID NOT NULL,
  undone $BOOL NOT NULL
)$STRICT;
CREATE INDEX intake_act_report ON intake_act (report_id, id);

-- Keyed marks of indicators, reporters, files and runs of words, for "similar".
CREATE TABLE intake_mark (
  id $ID PRIMARY KEY,
  report_id $ID NOT NULL REFERENCES intake_report (id),
  kind $TEXT NOT NULL,
  mark $TEXT NOT NULL
)$STRICT;
CREATE INDEX intake_mark_mark ON intake_mark (mark, report_id);
CREATE INDEX intake_mark_report ON intake_mark (report_id);

-- Folded words of number, title and organisation: the queue's search.
CREATE TABLE intake_word (
  id $ID PRIMARY KEY,
  report_id $ID NOT NULL REFERENCES intake_report (id),
  word $BLOB NOT NULL
)$STRICT;
CREATE INDEX intake_word_word ON intake_word (word, report_id);
CREATE INDEX intake_word_report ON intake_word (report_id, word);

-- What a CERT has chosen; the newest row of a name counts.
CREATE TABLE intake_setting (
  id $ID PRIMARY KEY,
  cert $ID NOT NULL,
  name $TEXT NOT NULL,
  value $TEXT NOT NULL,
  at $TIME NOT NULL,
  person $ID NOT NULL
)$STRICT;
CREATE INDEX intake_setting_name ON intake_setting (cert, name, id);
