package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestServeOnEmptyFolder: one command on an empty folder is a server that says it is ready, and means it.
func TestServeOnEmptyFolder(t *testing.T) {
	Binary(t)
	s := Start(t, nil)
	if !strings.HasPrefix(s.Origin, "http://localhost:") {
		t.Errorf("on a loopback listen the origin is http://localhost:PORT, got %s", s.Origin)
	}
	if st := s.Status(t, "/health", ""); st != http.StatusOK {
		t.Errorf("/health answers %d right after `listening on`", st)
	}
	var v struct{ Version, Commit, Go, SQLite string }
	s.CLI(t, &v, "version")
	if v.Version == "" || v.Commit == "" || v.Go == "" || v.SQLite == "" {
		t.Errorf("version --json lacks something: %+v", v)
	}
}
