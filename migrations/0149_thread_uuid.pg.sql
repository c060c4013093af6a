-- What messages and their files are called in addresses and to machines.
ALTER TABLE thread_message ADD COLUMN uuid $UUID NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX thread_message_uuid ON thread_message (uuid);
ALTER TABLE thread_file ADD COLUMN uuid $UUID NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX thread_file_uuid ON thread_file (uuid);
