-- Which server a POST to the inbox was polled from; 0 = somebody sent it.
ALTER TABLE intel_inbox_post ADD COLUMN server_id $INT NOT NULL DEFAULT 0;
