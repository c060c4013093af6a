-- Jobs and outbox: rows written in the act's transaction, claimed under a lease
-- with a fencing number; periodic jobs; the quarantine is a state.
CREATE TABLE jobs_job (
  id $ID PRIMARY KEY,
  kind $TEXT NOT NULL,
  unique_key $TEXT,
  priority $INT NOT NULL,
  state $TEXT NOT NULL,
  run_at $TIME NOT NULL,
  lease_until $TIME NOT NULL DEFAULT 0,
  fence $INT NOT NULL DEFAULT 0,
  attempt $INT NOT NULL DEFAULT 0,
  payload $JSON NOT NULL,
  reason $TEXT NOT NULL DEFAULT '',
  created $TIME NOT NULL,
  finished $TIME NOT NULL DEFAULT 0
)$STRICT;
CREATE UNIQUE INDEX jobs_job_unique ON jobs_job (kind, unique_key) WHERE state IN ('waiting', 'running') AND unique_key IS NOT NULL;
CREATE INDEX jobs_job_ready ON jobs_job (priority, run_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_job_leased ON jobs_job (lease_until) WHERE state = 'running';
CREATE INDEX jobs_job_state ON jobs_job (state, id);

CREATE TABLE jobs_periodic (
  name $TEXT PRIMARY KEY,
  next_run $TIME NOT NULL,
  last_run $TIME NOT NULL DEFAULT 0
)$STRICT;
