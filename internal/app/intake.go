package app

import (
	"time"

	"straza/internal/intake"
	"straza/internal/site"
)

// wireIntake makes the room for reports. The unsealing process is asked for each
// time: serve meets it later, and it may come and go.
func (h *House) wireIntake() error {
	today := h.clock.Now().Format(time.DateOnly)
	book, err := intake.OpenBook(today)
	if err != nil {
		return err
	}
	if h.texts, err = site.OpenTexts(today); err != nil {
		return err
	}
	h.wireIncident(book)
	h.Intake = intake.New(intake.Deps{Cases: casesOf{h}, DB: h.DB, Vault: h.Vault, Blobs: h.Blobs, Audit: h.Audit, Registry: intake.FromRegistry(h.Registry), Book: book,
		Origin: func() string { return h.origin },
		Opener: func() intake.Opener {
			switch {
			case h.door != nil: // in this process, while the demo country is filled
				return h.door
			case h.unsealing != nil:
				return h.unsealing
			}
			return nil
		}})
	return nil
}
