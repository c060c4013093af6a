-- What is said of an event is read at once, and what waits for one is found (event_id 0).
CREATE INDEX intel_remark_event ON intel_remark (event_id, id);
