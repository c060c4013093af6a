-- When what was reported was erased by term; 0 = not.
ALTER TABLE intake_report ADD COLUMN erased $TIME NOT NULL DEFAULT 0;
