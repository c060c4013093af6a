-- Correspondence with outside parties: one thread a party, letters out, answers in.
CREATE TABLE thread_thread (
  id $ID PRIMARY KEY,
  kind $TEXT NOT NULL,
  object $INT NOT NULL,
  number $TEXT NOT NULL,
  party $TEXT NOT NULL,
  org $INT NOT NULL DEFAULT 0,
  address $TEXT NOT NULL,
  lang $TEXT NOT NULL,
  token_hash $TEXT NOT NULL UNIQUE,
  audience_id $ID NOT NULL REFERENCES access_audience (id),
  opened $TIME NOT NULL,
  last $TIME NOT NULL,
  unread $INT NOT NULL DEFAULT 0,
  closed $TIME NOT NULL DEFAULT 0
)$STRICT;
CREATE INDEX thread_thread_object ON thread_thread (kind, object, opened);
CREATE INDEX thread_thread_last ON thread_thread (last, id);
CREATE INDEX thread_thread_org ON thread_thread (org, last);

CREATE TABLE thread_message (
  id $ID PRIMARY KEY,
  thread_id $ID NOT NULL REFERENCES thread_thread (id),
  way $TEXT NOT NULL,
  at $TIME NOT NULL,
  person $INT NOT NULL DEFAULT 0,
  author $TEXT NOT NULL,
  body $TEXT NOT NULL,
  letter $INT NOT NULL DEFAULT 0,
  message_id $TEXT NOT NULL DEFAULT '',
  reason $TEXT NOT NULL DEFAULT ''
)$STRICT;
CREATE INDEX thread_message_thread ON thread_message (thread_id, id);
CREATE UNIQUE INDEX thread_message_foreign ON thread_message (thread_id, message_id) WHERE message_id <> '';

CREATE TABLE thread_file (
  id $ID PRIMARY KEY,
  message_id $ID NOT NULL REFERENCES thread_message (id),
  name $TEXT NOT NULL,
  size $INT NOT NULL,
  blob $TEXT NOT NULL
)$STRICT;
CREATE INDEX thread_file_message ON thread_file (message_id);
