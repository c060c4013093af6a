-- Folded words of messages and of the party's name. Derived: written with the message,
-- and for messages older than this table by the job thread.index. What lies in
-- quarantine has none.
CREATE TABLE thread_word (
  message_id $ID NOT NULL REFERENCES thread_message (id),
  word $BLOB NOT NULL,
  PRIMARY KEY (message_id, word)
)$STRICT;
CREATE INDEX thread_word_word ON thread_word (word, message_id);
