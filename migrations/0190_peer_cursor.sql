-- Where to go on in a peer's list of events, as the peer gave it ("" = from the beginning;
-- "+" before it: in the midst of the list).
ALTER TABLE peer_server ADD COLUMN cursor $TEXT NOT NULL DEFAULT '';
