package poll

import (
	"crypto/x509"
	"net/url"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/peer"
)

// Server is a TAXII server that is polled.
type Server struct {
	ID       int64
	UUID     string
	Name     string
	URL      string // of the discovery, or of one API root
	Login    string // of Basic authentication; "" with a secret is a Bearer token
	Org      int64  // into whose inbox it goes
	Every    int    // minutes between polls, 0 = by hand only
	Patience int    // seconds for one exchange
	CA       string // PEM of the certificate that signed theirs, "" = the system's
	Title    string // as the server calls itself
	Health   Health
	Polled   int64 // µs of the last whole poll
	Report   Report
	Created  int64 // µs
	Changed  int64 // µs

	secret []byte
}

// Health is how it stands with a server.
type Health struct {
	Code      peer.Code
	Detail    string
	Checked   int64 // µs of the last exchange, 0 = never
	Failures  int   // in a row
	OpenUntil int64 // µs: until then nobody is sent there
}

// Collection is one of a server's.
type Collection struct {
	ID      int64
	Root    string // address of its API root
	Ref     string // the server's id of it
	Title   string
	Read    bool // the server lets us read it
	Chosen  bool
	After   string // date of addition behind which the next poll begins
	Objects int64  // that came from it, all together
	Polled  int64  // µs of its last whole poll

	server int64
	page   string // the server's token of the next page, when a poll was cut off
}

// Report is what one poll brought: Read = New + Known + Refused.
type Report struct {
	Read        int64            `json:"read"`
	New         int64            `json:"new"`     // now in the inbox
	Known       int64            `json:"known"`   // there already, in this version
	Refused     int64            `json:"refused"` // no STIX objects
	Pages       int64            `json:"pages"`
	Collections int64            `json:"collections"` // read to their end
	Left        int64            `json:"left"`        // chosen, and not read to the end yet
	Lost        int64            `json:"lost"`        // chosen, and no longer shown to us
	Reasons     map[string]int64 `json:"reasons,omitempty"`
}

// most kinds of reasons that a report keeps.
const reasonsMost = 20

func (r *Report) refuse(why string) {
	if r.Reasons == nil {
		r.Reasons = map[string]int64{}
	}
	if _, ok := r.Reasons[why]; !ok && len(r.Reasons) >= reasonsMost {
		why = "…"
	}
	r.Reasons[why]++
}

// Limits of a server's settings.
const (
	patience    = 60
	patienceMax = 3600
	everyMax    = 7 * 24 * 60
)

func (s *Server) check() error {
	var c fault.Collector
	s.Name, s.Login = strings.TrimSpace(s.Name), strings.TrimSpace(s.Login)
	c.Require(s.Name != "" && len(s.Name) <= 200, "name", "peer.fault.name")
	s.URL = strings.TrimSpace(s.URL)
	u, err := url.Parse(s.URL)
	c.Require(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && len(s.URL) <= 500, "url", "peer.fault.url")
	c.Require(len(s.Login) <= 200 && !strings.ContainsAny(s.Login, ":\r\n"), "login", "peer.fault.login")
	c.Require(s.Every >= 0 && s.Every <= everyMax, "every", "peer.fault.every")
	if s.Patience == 0 {
		s.Patience = patience
	}
	c.Require(s.Patience >= 5 && s.Patience <= patienceMax, "patience", "peer.fault.patience")
	if s.CA = strings.TrimSpace(s.CA); s.CA != "" {
		c.Require(x509.NewCertPool().AppendCertsFromPEM([]byte(s.CA)), "ca", "peer.fault.ca")
	}
	if !strings.HasSuffix(s.URL, "/") {
		s.URL += "/" // the standard's addresses end so
	}
	return c.Err("the server")
}

func (s *Server) open(now int64) bool { return s.Health.OpenUntil > now }
