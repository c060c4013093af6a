-- The list in the order of names, filtered by how fresh contacts are, from the
-- index alone: without it every row is fetched to be left out.
CREATE INDEX registry_organisation_fresh ON registry_organisation (sort_key, id, contacts_bounced, contacts_verified, contacts, detail_audience_id);
DROP INDEX registry_organisation_sort;
