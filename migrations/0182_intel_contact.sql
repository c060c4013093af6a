-- Questions that were sent to the organisation behind an event: who asked, how many
-- letters went. The words are in the letters alone; this is what the limits count.
CREATE TABLE intel_contact (
  id $ID PRIMARY KEY,
  event_id $ID NOT NULL,
  person_id $INT NOT NULL,
  letters $INT NOT NULL,
  created $TIME NOT NULL
)$STRICT;
CREATE INDEX intel_contact_person ON intel_contact (person_id, created);
CREATE INDEX intel_contact_event ON intel_contact (event_id, created);
