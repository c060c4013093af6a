package e2e

import (
	"net/http"
	"path/filepath"
	"testing"
)

// TestTAXIIRead: the OASIS client reads what was published, and the OASIS validator finds no error in it.
func TestTAXIIRead(t *testing.T) {
	events := SharedData(t, "misp-events")
	Binary(t)
	var key string
	s := Start(t, func(s *Server) {
		s.NewOrg(t, "Национални ЦЕРТ", "cert")
		s.NewOrg(t, "Партнер А", "partner")
		key = s.NewKey(t, "masina@partner-a.example", "sync", "Партнер А")
	})
	NeedFeature(t, s.Status(t, "/taxii2/", key) != http.StatusNotFound, "the TAXII surface")
	for _, f := range []string{"cloudmensis__cloudmensis.misp.json", "turla__misp-turla-crutch-event.json", "sshdoor__misp-events__kessel.json"} {
		s.CLI(t, nil, "intel", "import", filepath.Join(events, f), "--org", "Партнер А", "--publish")
	}
	Python(t, "taxii", "taxii_read.py", "TAXII_URL="+s.Origin+"/taxii2/", "TAXII_USER=masina@partner-a.example",
		"TAXII_KEY="+key, "TAXII_WANT=")
}
