-- Roles that an installation makes itself have a title instead of built-in words.
ALTER TABLE access_role ADD COLUMN title $TEXT NOT NULL DEFAULT '';
