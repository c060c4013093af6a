// Package privacyweb is the privacy officer's page: the register of processing, terms
// and holds, and the search for what is held about an address.
package privacyweb

import (
	"embed"

	"straza/internal/kernel/web"
	"straza/internal/privacy"
)

// Files are the page and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

type pages struct {
	t *web.Templates
	s *privacy.Service
}

const at = "/oversight/privacy"

// Routes declares the doors of the room.
func Routes(m *web.Mux, s *privacy.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	use := web.Perm("privacy.use")
	m.Handle(
		web.Route{Method: "GET", Pattern: at + "/due", Policy: use, Reveals: "what the next erasure takes: numbers and times, never content", Handler: p.due},
		web.Route{Method: "GET", Pattern: at, Policy: use, Reveals: "the register of processing: tables, grounds, terms, counts", Handler: p.show},
		web.Route{Method: "POST", Pattern: at + "/search", Policy: use, Mutates: true, Reveals: "where an address is held: tables, numbers, times", Handler: p.search},
		web.Route{Method: "POST", Pattern: at + "/terms", Policy: use, Mutates: true, Handler: p.term},
		web.Route{Method: "POST", Pattern: at + "/holds", Policy: use, Mutates: true, Handler: p.hold},
	)
}
