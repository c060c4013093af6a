-- What parties and lines of a hand-over are called in addresses and to machines.
ALTER TABLE incident_party ADD COLUMN uuid $UUID NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX incident_party_uuid ON incident_party (uuid);
ALTER TABLE incident_handover ADD COLUMN uuid $UUID NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX incident_handover_uuid ON incident_handover (uuid);
