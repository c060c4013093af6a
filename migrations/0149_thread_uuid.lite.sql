-- What messages and their files are called in addresses and to machines.
-- Not unique here: the program before this one writes '' on an engine that has no default of its own for it.
ALTER TABLE thread_message ADD COLUMN uuid $UUID NOT NULL DEFAULT '';
UPDATE thread_message SET uuid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', abs(random() % 4) + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
CREATE INDEX thread_message_uuid ON thread_message (uuid);
ALTER TABLE thread_file ADD COLUMN uuid $UUID NOT NULL DEFAULT '';
UPDATE thread_file SET uuid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', abs(random() % 4) + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
CREATE INDEX thread_file_uuid ON thread_file (uuid);
