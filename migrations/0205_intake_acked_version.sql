-- The version that the automatic acknowledgement of a report made, 0 = none yet: whoever
-- looked at the version before it has seen all that people said and did.
ALTER TABLE intake_report ADD COLUMN acked_version $INT NOT NULL DEFAULT 0;
