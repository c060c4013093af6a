-- Rules without code: when something happens and if it is so, then do. cert_id 0 is
-- a person's own alert. What a rule may see and do is what person_id may at that
-- moment, who saved it last.
CREATE TABLE rule_rule (
  id $ID PRIMARY KEY,
  uuid $UUID NOT NULL UNIQUE,
  cert_id $INT NOT NULL,
  person_id $INT NOT NULL,
  name $TEXT NOT NULL,
  event $TEXT NOT NULL,
  cond $JSON NOT NULL,
  acts $JSON NOT NULL,
  active $BOOL NOT NULL,
  hourly $INT NOT NULL,
  version $INT NOT NULL,
  created $TIME NOT NULL,
  changed $TIME NOT NULL,
  gone $TIME NOT NULL
)$STRICT;
CREATE INDEX rule_rule_event ON rule_rule (event);
CREATE INDEX rule_rule_owner ON rule_rule (cert_id, person_id);

-- One row each time a rule held for something: which step it stands at. cause is
-- the job that weighed it, so that weighing again changes nothing.
CREATE TABLE rule_run (
  id $ID PRIMARY KEY,
  rule_id $INT NOT NULL REFERENCES rule_rule (id),
  cause $INT NOT NULL,
  subject $INT NOT NULL,
  at $TIME NOT NULL,
  acts $JSON NOT NULL,
  step $INT NOT NULL,
  state $TEXT NOT NULL,
  said $JSON NOT NULL,
  ended $TIME NOT NULL,
  decided_by $INT NOT NULL,
  UNIQUE (rule_id, cause)
)$STRICT;
CREATE INDEX rule_run_rule ON rule_run (rule_id, id);
CREATE INDEX rule_run_state ON rule_run (state, at);
