package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// partners gives a running server with two partner organisations, each with one key.
func partners(t *testing.T) (s *Server, keyA, keyB string) {
	t.Helper()
	Binary(t)
	s = Start(t, func(s *Server) {
		s.NewOrg(t, "Национални ЦЕРТ", "cert")
		s.NewOrg(t, "Партнер А", "partner")
		s.NewOrg(t, "Партнер Б", "partner")
		// sync may create tags and speak for other creators, as a partner's machine must.
		keyA = s.NewKey(t, "masina@partner-a.example", "sync", "Партнер А")
		keyB = s.NewKey(t, "masina@partner-b.example", "publisher", "Партнер Б")
	})
	NeedFeature(t, s.Status(t, "/misp/servers/getVersion", keyA) != http.StatusNotFound, "the MISP surface")
	return s, keyA, keyB
}

// TestPyMISPThread: a partner's PyMISP lives one event through, at both addresses that the field uses.
func TestPyMISPThread(t *testing.T) {
	s, a, b := partners(t)
	for name, url := range map[string]string{"origin": s.Origin, "misp": s.Origin + "/misp/"} {
		t.Run(name, func(t *testing.T) {
			Python(t, "pymisp", "misp_thread.py", "MISP_URL="+url, "MISP_KEY="+a, "MISP_KEY_B="+b)
		})
	}
}

// TestPyMISPRealEvents: every real event goes in by PyMISP and comes back equal, field by field.
func TestPyMISPRealEvents(t *testing.T) {
	events := SharedData(t, "misp-events")
	s, a, _ := partners(t)
	Python(t, "pymisp", "misp_thread.py", "MISP_MODE=push", "MISP_URL="+s.Origin, "MISP_KEY="+a, "MISP_EVENTS="+events)
}

// TestPyMISPTour: the rest of PyMISP's methods, each once.
func TestPyMISPTour(t *testing.T) {
	s, a, _ := partners(t)
	admin := s.NewKey(t, "administrator@cert.example", "admin", "Национални ЦЕРТ")
	pack := filepath.Join(t.TempDir(), "communities.yaml")
	if err := os.WriteFile(pack, []byte("pack: intel.communities\nversion: 2\nfrom: 2026-01-01\nsource: test\nbody:\n  communities:\n"+
		"    - {uuid: 55f6ea5e-2c60-40e5-964f-47a8950d210f, name: Проба заједница, email: join@community.example}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.CLI(t, nil, "pack", "add", pack)
	Python(t, "pymisp", "misp_tour.py", "MISP_URL="+s.Origin, "MISP_KEY="+a, "MISP_KEY_ADMIN="+admin)
}

// TestPyMISPOthers: proposals, analyst data and delegation between two organisations, with MISP's texts.
func TestPyMISPOthers(t *testing.T) {
	s, _, b := partners(t)
	a := s.NewKey(t, "druga@partner-a.example", "publisher", "Партнер А")
	Python(t, "pymisp", "misp_others.py", "MISP_URL="+s.Origin, "MISP_KEY_A="+a, "MISP_KEY_B="+b, "MISP_ORG_B=Партнер Б")
}

// TestPyMISPCrowd: twenty PyMISP clients at once, mixed work on their own and on common
// things: no call fails, what was written is found once. STRAZA_CROWD=600 makes it the
// ten minutes of the issue, with the limit of 500 ms for 99 of 100 calls; make test has
// fewer seconds and no limit of time.
func TestPyMISPCrowd(t *testing.T) {
	seconds, limit := "20", "0"
	if s := os.Getenv("STRAZA_CROWD"); s != "" {
		seconds, limit = s, "500"
	}
	s, a, b := partners(t)
	keys := strings.Join([]string{a, b, s.NewKey(t, "treca@partner-a.example", "publisher", "Партнер А"),
		s.NewKey(t, "cetvrta@partner-b.example", "sync", "Партнер Б")}, ",")
	Python(t, "pymisp", "misp_crowd.py", "MISP_URL="+s.Origin, "MISP_KEYS="+keys, "CROWD=20", "SECONDS="+seconds, "P99_MS="+limit)
}
