-- One row an object and version that an inbox waits for or has: its key, under which
-- a POST finds what is here already by one unique index, whatever else is here, and
-- of two POSTs at once only one brings it. Rows that were refused or came twice have
-- a key of their own.
ALTER TABLE intel_inbox ADD COLUMN same $TEXT NOT NULL DEFAULT '';
UPDATE intel_inbox SET same = 'row ' || CAST(id AS TEXT);
UPDATE intel_inbox SET same = CAST(org_id AS TEXT) || ' ' || CAST(ver AS TEXT) || ' ' || stix_id
 WHERE state IN (0, 1) AND NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = intel_inbox.org_id
  AND y.stix_id = intel_inbox.stix_id AND y.ver = intel_inbox.ver AND y.state IN (0, 1) AND y.id < intel_inbox.id);
CREATE UNIQUE INDEX intel_inbox_same ON intel_inbox (same);
