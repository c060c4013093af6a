package advisory

import (
	"encoding/json"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

// States.
const (
	Draft     = "draft"
	Published = "published"
	Withdrawn = "withdrawn"
)

// Levels, least urgent first; the same words as severity.
var Levels = []string{"low", "medium", "high", "very-high"}

// Readers are for whom a warning is meant.
var Readers = []string{"citizens", "organisations", "operators", "schools"}

// Advisory is one warning. Texts are Cyrillic and English; Latin is derived.
type Advisory struct {
	ID        int64
	UUID      string
	Number    string // UP-2026-000031
	CERT      int64
	State     string
	Level     string
	TLP       string
	Readers   string
	Title     i18n.Text
	Lead      i18n.Text
	Affects   i18n.Text // whom it concerns, one sentence
	Steps     i18n.Text // what to do, one step a line
	Body      i18n.Text // paragraphs, separated by an empty line
	Created   int64     // µs
	Updated   int64
	Published int64
	Until     int64 // shown as in force until, 0 = 30 days after publishing
	Withdrawn int64
	Reason    string
	Version   int64

	// Own tells that the reader is of the team that issued it and reads the text as
	// it stands now; everybody else reads the last edition.
	Own     bool `json:"-"`
	edition string
}

// as gives a warning as who may read it: an edition in preparation is the team's
// alone until it is published.
func (a Advisory) as(who ident.Actor) (Advisory, error) {
	if a.Own = who.CERT != 0 && who.CERT == a.CERT; a.Own || a.edition == "" {
		return a, nil
	}
	var e Advisory
	if err := json.Unmarshal([]byte(a.edition), &e); err != nil {
		return a, err
	}
	a.Level, a.TLP, a.Readers = e.Level, e.TLP, e.Readers
	a.Title, a.Lead, a.Affects, a.Steps, a.Body = e.Title, e.Lead, e.Affects, e.Steps, e.Body
	return a, nil
}

// Edition is one published version.
type Edition struct {
	Edition int64
	At      int64
	Note    i18n.Text // what changed
}

// Draftable are the fields that an editor fills.
type Draftable struct {
	Level, TLP, Readers               string
	Title, Lead, Affects, Steps, Body i18n.Text
	Until                             int64
	Once                              string // Create again with the same key gives the same warning; "" = no key
}

const (
	maxTitle = 200
	maxText  = 20_000
)

// validate checks an editor's fields. Faults: Invalid by field.
func (d Draftable) validate() error {
	var c fault.Collector
	c.Require(oneOf(d.Level, Levels), "level", "advisory.level.needed")
	c.Require(oneOf(d.Readers, Readers), "readers", "advisory.readers.needed")
	c.Require(d.TLP == "CLEAR" || d.TLP == "GREEN" || d.TLP == "AMBER", "tlp", "advisory.tlp.wrong")
	title := strings.TrimSpace(d.Title[i18n.SrCyrl])
	c.Require(title != "", "title", "advisory.title.needed")
	c.Require(strings.TrimSpace(d.Lead[i18n.SrCyrl]) != "", "lead", "advisory.lead.needed")
	for _, l := range i18n.Langs {
		c.Require(len([]rune(d.Title[l])) <= maxTitle, "title", "advisory.title.long")
		for _, t := range []i18n.Text{d.Lead, d.Affects, d.Steps, d.Body} {
			c.Require(len(t[l]) <= maxText, "body", "advisory.text.long")
		}
	}
	return c.Err("advisory")
}

func oneOf(v string, list []string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// Lines splits steps into lines without numbers in front; Paragraphs a body.
func Lines(s string) (out []string) {
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// Paragraphs splits a text at empty lines.
func Paragraphs(s string) (out []string) {
	for _, p := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			out = append(out, p)
		}
	}
	return out
}
