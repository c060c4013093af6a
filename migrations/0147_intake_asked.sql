-- What was sent under an Idempotency-Key: an HMAC under that key, which is not kept, so
-- that the same key with another report is refused. '' = no key, or older than this.
ALTER TABLE intake_submission ADD COLUMN asked $TEXT NOT NULL DEFAULT '';
