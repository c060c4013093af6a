-- What parties and lines of a hand-over are called in addresses and to machines.
-- Not unique here: the program before this one writes '' on an engine that has no default of its own for it.
ALTER TABLE incident_party ADD COLUMN uuid $UUID NOT NULL DEFAULT '';
UPDATE incident_party SET uuid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', abs(random() % 4) + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
CREATE INDEX incident_party_uuid ON incident_party (uuid);
ALTER TABLE incident_handover ADD COLUMN uuid $UUID NOT NULL DEFAULT '';
UPDATE incident_handover SET uuid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', abs(random() % 4) + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
CREATE INDEX incident_handover_uuid ON incident_handover (uuid);
