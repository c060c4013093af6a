package app

import (
	"slices"

	"straza/internal/incident/erasure"
	"straza/internal/privacy"
)

// wirePrivacy hands over what every room holds about people and what it can erase.
func (h *House) wirePrivacy() (err error) {
	cases := erasure.New(erasure.Deps{DB: h.DB, Audit: h.Audit, Blobs: h.Blobs, Threads: h.Threads, Cases: h.Incident})
	h.Privacy, err = privacy.New(privacy.Deps{DB: h.DB, Audit: h.Audit,
		Sources: []privacy.Source{h.Accounts, h.Registry, h.Intake, h.Incident, h.Threads, h.Post, h.Intel, h.Advisory},
		Terms:   slices.Concat(h.Accounts.Retention(), h.Registry.Retention(), h.Intake.Retention(), h.Post.Retention(), cases.Retention(), h.Intel.Retention())})
	return err
}
