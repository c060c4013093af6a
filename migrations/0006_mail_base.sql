-- Letters out: the outbox; caught here when no server is set.
CREATE TABLE mail_letter (
  id $ID PRIMARY KEY,
  created $TIME NOT NULL,
  purpose $TEXT NOT NULL,
  to_addr $TEXT NOT NULL,
  subject $TEXT NOT NULL,
  body $TEXT NOT NULL,
  lang $TEXT NOT NULL,
  message_id $TEXT NOT NULL UNIQUE,
  reply_to $TEXT NOT NULL,
  in_reply_to $TEXT NOT NULL,
  state $TEXT NOT NULL,
  sent $TIME NOT NULL DEFAULT 0,
  reason $TEXT NOT NULL DEFAULT ''
)$STRICT;
CREATE INDEX mail_letter_to ON mail_letter (to_addr, created);
CREATE INDEX mail_letter_state ON mail_letter (state, id);
