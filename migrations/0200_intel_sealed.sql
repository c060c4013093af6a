-- Attachments, and those of proposals, stand encrypted under the installation's keys;
-- rows from before are sealed by a job, which finds them by these indexes.
ALTER TABLE intel_data ADD COLUMN sealed $BOOL NOT NULL DEFAULT FALSE;
CREATE INDEX intel_data_open ON intel_data (attribute_id) WHERE NOT sealed;
ALTER TABLE intel_proposal ADD COLUMN sealed $BOOL NOT NULL DEFAULT FALSE;
CREATE INDEX intel_proposal_open ON intel_proposal (id) WHERE NOT sealed AND data IS NOT NULL;
