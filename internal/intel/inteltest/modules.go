package inteltest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"straza/internal/format/expansion"
)

// Modules is a server of modules that a test scripts: what each module answers ("slow"
// never does), and what it was asked.
type Modules struct {
	sync.Mutex
	URL    string
	Answer map[string]string // module → body
	Status map[string]int    // module → another status than 200
	To     string            // where a status of 300 and above sends on
	Asked  []expansion.Query
	Config []map[string]string
	Bodies []string
	hang   chan struct{}
}

// NewModules starts one, which ends with the test.
func NewModules(t testing.TB) *Modules {
	m := &Modules{Answer: map[string]string{}, Status: map[string]int{}, hang: make(chan struct{})}
	srv := httptest.NewServer(m)
	t.Cleanup(func() { close(m.hang); srv.Close() })
	m.URL = srv.URL
	return m
}

// Says sets what a module answers from now on, and with which status (0 = 200).
func (m *Modules) Says(module, body string, status int) {
	m.Lock()
	defer m.Unlock()
	m.Answer[module], m.Status[module] = body, status
}

// ServeHTTP speaks the protocol of misp-modules.
func (m *Modules) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/modules" && r.Method == http.MethodGet {
		_, _ = io.WriteString(w, offeredModules)
		return
	}
	if r.URL.Path != "/query" || r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	q, err := expansion.ReadQuery(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var more struct{ Config map[string]string }
	_ = json.Unmarshal(body, &more)
	m.Lock()
	m.Asked, m.Config, m.Bodies = append(m.Asked, q), append(m.Config, more.Config), append(m.Bodies, string(body))
	status, answer, to := m.Status[q.Module], m.Answer[q.Module], m.To
	m.Unlock()
	if q.Module == "slow" {
		select {
		case <-m.hang:
		case <-r.Context().Done():
		}
		return
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", to)
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	_, _ = io.WriteString(w, answer)
}

// Count tells how many questions came.
func (m *Modules) Count() int { m.Lock(); defer m.Unlock(); return len(m.Asked) }

const offeredModules = `[
 {"name":"dns","type":"expansion","mispattributes":{"input":["hostname","domain"],"output":["ip-dst"]},"meta":{"version":"1","description":"asks name servers","config":["nameserver"]}},
 {"name":"asn","type":"expansion","mispattributes":{"input":["ip-dst","ip-src"],"format":"misp_standard"},"meta":{"name":"ASN history"}},
 {"name":"slow","type":"expansion","mispattributes":{"input":["domain"]}},
 {"name":"bad","type":"expansion","mispattributes":{"input":["domain"]}},
 {"name":"tables","type":"expansion","mispattributes":{"input":["domain","ip-dst"]}},
 {"name":"csvimport","type":"import"}]`
