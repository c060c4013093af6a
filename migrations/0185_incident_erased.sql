-- When the texts of a case were last erased by term; 0 = never.
ALTER TABLE incident_case ADD COLUMN erased $TIME NOT NULL DEFAULT 0;
