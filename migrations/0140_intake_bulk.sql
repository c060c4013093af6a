-- Steps that were taken with one press on several reports share a number, so that they
-- are taken back together; 0 = a step of its own.
ALTER TABLE intake_act ADD COLUMN bulk $INT NOT NULL DEFAULT 0;
CREATE INDEX intake_act_bulk ON intake_act (bulk) WHERE bulk <> 0;

-- The queue by severity, filters included, like its other two orders.
CREATE INDEX intake_report_severity ON intake_report (severity, id, open_due, state, type, channel, tlp, assignee, due, unread, org, cert, audience_id);
