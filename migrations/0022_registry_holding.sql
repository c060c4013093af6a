-- Networks, domains and assets are withdrawn, not removed, and can be put back.
-- claimed: when the organisation itself entered a value that no team has looked at
-- yet; 0 = a team stands behind it. A claimed one answers no look-up.
ALTER TABLE registry_resource ADD COLUMN updated $TIME NOT NULL DEFAULT 0;
ALTER TABLE registry_resource ADD COLUMN withdrawn $TIME NOT NULL DEFAULT 0;
ALTER TABLE registry_resource ADD COLUMN claimed $TIME NOT NULL DEFAULT 0;
ALTER TABLE registry_asset ADD COLUMN withdrawn $TIME NOT NULL DEFAULT 0;
UPDATE registry_resource SET updated = created;
DROP INDEX registry_resource_once;
CREATE UNIQUE INDEX registry_resource_held ON registry_resource (org_id, kind, value) WHERE withdrawn = 0;
