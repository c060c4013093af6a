package feed

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"straza/internal/kernel/fault"
)

// Formats and sources of a feed.
const (
	FormatMISP     = "misp"
	FormatFreetext = "freetext"
	FormatCSV      = "csv"

	Network = "network"
	Local   = "local"
)

// Feed is one feed, and how it last went. Times are µs.
type Feed struct {
	ID             int64
	Name, Provider string
	URL            string // http(s), or below the folder of local feeds
	Format, Input  string
	Enabled        bool
	Caching        bool
	Visible        bool // its hits are shown to everybody here
	Terms
	Headers []string // "Name: value"; as others are shown it, the names alone

	Person    int64 // who set it up: in their name it runs
	Event     int64 // the event that a fixed feed writes to, 0 = none yet
	Fetched   int64 // when a fetch last began
	Succeeded int64
	Cached    int64
	Failures  int    // in a row
	Fault     string // of the last run, a message key; "" = it went well
	Report    Report
	Values    int64 // in the cache
	sealed    []byte
}

// Terms are what is done with what a feed gives.
type Terms struct {
	Distribution int             `json:"distribution"`
	Group        int64           `json:"group"`
	Tag          string          `json:"tag"` // attached to its events
	Fixed        bool            `json:"fixed"`
	Delta        bool            `json:"delta"` // what is gone from the feed goes from the event
	Publish      bool            `json:"publish"`
	Override     bool            `json:"override"` // to_ids off, whatever the type says
	Force        bool            `json:"force"`    // to_ids on
	Settings     json.RawMessage `json:"settings,omitempty"`
	Rules        json.RawMessage `json:"rules,omitempty"`
}

// Report counts what a run did.
type Report struct {
	Read    int64    `json:"read"`
	Created int64    `json:"created"`
	Updated int64    `json:"updated"`
	Same    int64    `json:"same"`
	Removed int64    `json:"removed"`
	Refused int64    `json:"refused"`
	Stopped int64    `json:"stopped"` // kept out of detection
	Held    bool     `json:"held"`    // not published, because something was stopped
	Reasons []Reason `json:"reasons,omitempty"`
}

// Reason says why a value was stopped; Why is a message key.
type Reason struct {
	Value string `json:"value"`
	Why   string `json:"why"`
	What  string `json:"what"` // the list, network or organisation
}

const maxReasons = 50

func (r *Report) stop(x Reason) {
	r.Stopped++
	if len(r.Reasons) < maxReasons {
		r.Reasons = append(r.Reasons, x)
	}
}

// check brings a feed into form. Faults: Invalid by field.
func (f *Feed) check() error {
	var c fault.Collector
	f.Name, f.Provider, f.URL = strings.TrimSpace(f.Name), strings.TrimSpace(f.Provider), strings.TrimSpace(f.URL)
	c.Require(f.Name != "" && utf8.RuneCountInString(f.Name) <= 200, "name", "intel.fault.feed-name")
	c.Require(utf8.RuneCountInString(f.Provider) <= 200, "provider", "intel.fault.feed-name")
	c.Require(f.Format == FormatMISP || f.Format == FormatFreetext || f.Format == FormatCSV, "source_format", "intel.fault.feed-format")
	c.Require(f.Input == Network || f.Input == Local, "input_source", "intel.fault.feed-format")
	if f.Input == Network {
		u, err := url.Parse(f.URL)
		c.Require(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && len(f.URL) < 2000, "url", "intel.fault.feed-url")
	} else {
		c.Require(f.URL != "" && !strings.Contains(f.URL, "..") && !strings.HasPrefix(f.URL, "/"), "url", "intel.fault.feed-url")
	}
	c.Require(f.Distribution >= 0 && f.Distribution <= 5, "distribution", "intel.fault.distribution")
	for _, h := range f.Headers {
		name, _, ok := strings.Cut(h, ":")
		c.Require(ok && token(strings.TrimSpace(name)) && !strings.ContainsAny(h, "\r\n"), "headers", "intel.fault.feed-headers")
	}
	_, err := readSettings(f.Settings).skip()
	c.Require(err == nil, "settings", "intel.fault.feed-pattern")
	return c.Err("feed")
}

func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
