-- What OpenPGP made of a letter that came: how it was encrypted, what its signature is
-- worth against the sender's own key, and which key made it when.
ALTER TABLE thread_message ADD COLUMN sealing $TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_message ADD COLUMN signature $TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_message ADD COLUMN signer $TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_message ADD COLUMN signed $TIME NOT NULL DEFAULT 0;
