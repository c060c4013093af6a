-- What a person is told of at once: one row each time. sent 0 waits for the letter that
-- gathers what came too thick; the sent ones of an hour are what the next are counted by.
CREATE TABLE rule_line (
  id $ID PRIMARY KEY,
  rule_id $INT NOT NULL REFERENCES rule_rule (id),
  person_id $INT NOT NULL,
  subject $INT NOT NULL,
  at $TIME NOT NULL,
  sent $TIME NOT NULL
)$STRICT;
CREATE INDEX rule_line_rule ON rule_line (rule_id, person_id, sent);
CREATE INDEX rule_line_sent ON rule_line (sent, person_id);
