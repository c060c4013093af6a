package intel

// SetStretch makes a search for a text go through the whole table from more events than
// few, in stretches of so many rows.
func (s *Service) SetStretch(few, rows int) { s.few, s.strip = few, rows }
