-- The key by which a peer signed first, and the last of its retractions that was read.
ALTER TABLE peer_server ADD COLUMN signer $TEXT NOT NULL DEFAULT '';
ALTER TABLE peer_server ADD COLUMN retracted $INT NOT NULL DEFAULT 0;
