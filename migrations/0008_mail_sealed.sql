-- Letters that leave only encrypted, and the key they left under ('' = in the clear).
ALTER TABLE mail_letter ADD COLUMN secret $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE mail_letter ADD COLUMN fingerprint $TEXT NOT NULL DEFAULT '';
