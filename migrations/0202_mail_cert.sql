-- In whose name a letter is written: the keys that this CERT keeps of addresses count for
-- it. 0 is the host of the installation.
ALTER TABLE mail_letter ADD COLUMN cert $INT NOT NULL DEFAULT 0;
