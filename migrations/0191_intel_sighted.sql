-- Events by their latest sighting, for peers that go on with a list.
CREATE INDEX intel_event_sighted ON intel_event (sighting_timestamp, id);
