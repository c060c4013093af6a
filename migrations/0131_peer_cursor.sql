-- How far a phase of a run came: the page or name behind which it goes on.
ALTER TABLE peer_run ADD COLUMN cursor $TEXT NOT NULL DEFAULT '';
