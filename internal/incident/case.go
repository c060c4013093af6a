package incident

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Case is the head of a case, as it stands. Moments are µs, 0 = not yet.
type Case struct {
	ID       int64
	UUID     string
	Number   string
	CERT     int64
	Title    string
	Summary  string
	State    State
	Waiting  string // why it waits
	Lead     int64
	LeadName string

	Severity string // "" = not assessed
	Computed string // what the facts gave
	Rule     string // which condition decided
	Why      string // reason of an override
	Facts    map[string]string

	TLP, PAP string   // bare words, AMBER+STRICT
	Classes  []string // RSIT pairs "class/type"
	National []string
	Sectors  []string
	Tags     []string

	RootCause string
	Impact    string
	Lessons   string // "yes", "no", "" = not answered
	Retention string

	Aware    int64 // when the CERT got to know: basis of its 24 h
	Answered int64
	Opened   int64
	Closed   int64
	Erased   int64 // when its texts went by term, 0 = never
	Updated  int64
	Version  int64

	Merged int64 // id of the case it went into
	Orgs   []Org
	Clock  *deadline.Clock // nearest running clock, in lists
	Tasks  int64           // in lists
	Done   int64

	audience, resolved int64
}

// Org is an affected organisation.
type Org struct {
	Row  int64 // of the list
	ID   int64 // in the registry, 0 = only a name
	Name string
}

// clock of a case, and its term: the CERT's own answer within a day (NIS2
// Art. 23(5)); counted from awareness, also when the case was opened later.
const (
	answerClock = "answer"
	answerTerm  = 24 * time.Hour
)

// Draft is a case that somebody opens by hand.
type Draft struct {
	Title    string
	Summary  string
	Severity string
	Why      string
	TLP, PAP string
	Classes  []string
	National []string
	Sectors  []string
	Orgs     []Org
	Aware    int64 // 0 = now
}

// Seed is what a report hands over: chosen facts, never who reported.
type Seed struct {
	Draft
	Report int64  // id
	Number string // of the report
	CERT   int64
}

func list(v []string) []string {
	out := make([]string, 0, len(v))
	for _, x := range v {
		if x = strings.TrimSpace(x); x != "" && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func unpack(s string) (out []string) {
	_ = json.Unmarshal([]byte(s), &out)
	return out
}

// check brings a draft into the form in which it is kept.
func (d *Draft) check(b *Book) error {
	var c fault.Collector
	d.Title = strings.Join(strings.Fields(text(&c, "title", d.Title, 200, true)), " ")
	d.Summary = text(&c, "summary", d.Summary, 20_000, false)
	d.TLP, d.PAP = labels(&c, d.TLP, d.PAP)
	d.Classes, d.National, d.Sectors = list(d.Classes), list(d.National), list(d.Sectors)
	b.knownAll(&c, d.Classes, d.National)
	c.Require(d.Severity == "" || rankOf(d.Severity) > 0, "severity", "incident.fault.severity")
	c.Require(len(d.Orgs) <= 200, "orgs", "incident.fault.long")
	for i := range d.Orgs {
		d.Orgs[i].Name = text(&c, "orgs", d.Orgs[i].Name, 200, true)
	}
	for _, s := range d.Sectors {
		c.Require(codeShape.MatchString(s), "sectors", "incident.fault.code")
	}
	return c.Err("case")
}

func (b *Book) knownAll(c *fault.Collector, classes, national []string) {
	var cl, na []Choice
	if b != nil {
		cl, na = b.Classes, b.National
	}
	b.known(cl, classes, "classes", c)
	b.known(na, national, "national", c)
}

// labels gives bare words; what nobody chose is AMBER+STRICT and AMBER
// (cert-services §3.4).
func labels(c *fault.Collector, t, p string) (string, string) {
	if t == "" {
		t = "AMBER+STRICT"
	}
	if p == "" {
		p = "AMBER"
	}
	level, ok := tlp.Parse(t)
	c.Require(ok, "tlp", "incident.fault.tlp")
	pap, ok := tlp.ParsePAP(p)
	c.Require(ok, "pap", "incident.fault.pap")
	return level.String(), pap.String()
}

// blank takes out of a case what the command line's operator does not see.
func (c Case) blank(who ident.Actor) Case {
	if who.Kind != ident.Operator {
		return c
	}
	c.Title, c.Summary, c.Waiting, c.Why, c.RootCause, c.Impact, c.LeadName, c.Orgs, c.Tags = "", "", "", "", "", "", "", nil, nil
	return c
}

// classOf is the class of a pair.
func classOf(pair string) string {
	class, _, _ := strings.Cut(pair, "/")
	return class
}

// Class is the first pair: what statistics count the case by.
func (c Case) Class() string {
	if len(c.Classes) == 0 {
		return ""
	}
	return c.Classes[0]
}
