package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// TestTAXIIRead: the OASIS client reads what was published, and the OASIS validator finds no error in it.
func TestTAXIIRead(t *testing.T) {
	events := t.TempDir()
	for _, from := range []string{SharedData(t, "misp-events"), "testdata/stix"} { // the second: templates that the first lacks
		if err := os.CopyFS(events, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
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
	s.CLI(t, nil, "taxii", "collection", "add", "sensors", "--title", "Сензори", "--type", "indicator", "--ceiling", "GREEN")
	Python(t, "taxii", "taxii_read.py", "TAXII_URL="+s.Origin+"/taxii2/", "TAXII_USER=masina@partner-a.example",
		"TAXII_KEY="+key, "TAXII_WANT=", "TAXII_DEFINED=sensors")
}

// TestSTIXBothWays: misp-stix reads our STIX and we read its; stix2-validator finds no error in what we write of the
// whole corpus.
func TestSTIXBothWays(t *testing.T) {
	events := SharedData(t, "misp-events")
	Binary(t)
	s := Start(t, func(s *Server) {
		s.NewOrg(t, "Национални ЦЕРТ", "cert")
		s.NewOrg(t, "Партнер А", "partner")
		s.NewKey(t, "masina@partner-a.example", "sync", "Партнер А")
	})
	s.CLI(t, nil, "intel", "import", events, "--org", "Партнер А")
	ours, theirs := t.TempDir(), t.TempDir()
	list, err := filepath.Glob(filepath.Join(events, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		uuid := eventUUID(t, f)
		s.CLI(t, nil, "intel", "export", "event="+uuid, "--format", "stix", "--as", "masina@partner-a.example", "--out", filepath.Join(ours, uuid+".json"))
	}
	Python(t, "stix", "stix_both.py", "STIX_OURS="+ours, "STIX_THEIRS="+theirs, "MISP_EVENTS="+events)
	other := Start(t, func(s *Server) { s.NewOrg(t, "Национални ЦЕРТ", "cert") })
	other.CLI(t, nil, "intel", "import", theirs, "--format", "stix")
}

func eventUUID(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type event struct {
		Event struct {
			UUID string `json:"uuid"`
		}
	}
	var one struct {
		event
		Response json.RawMessage `json:"response"`
	}
	if err := json.Unmarshal(b, &one); err != nil {
		t.Fatal(err)
	}
	if one.Event.UUID != "" {
		return one.Event.UUID
	}
	var many []event
	if json.Unmarshal(one.Response, &many) != nil {
		many = make([]event, 1)
		if err := json.Unmarshal(one.Response, &many[0]); err != nil {
			t.Fatal(err)
		}
	}
	return many[0].Event.UUID
}
