-- Attributes with an audience of their own are few. What one does not see of an
-- event is counted through them, instead of what one sees through all others.
CREATE INDEX intel_attribute_own ON intel_attribute (event_id) WHERE audience_id IS NOT NULL;
