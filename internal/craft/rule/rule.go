package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

// Fact is one thing that a condition may ask of a subject.
type Fact struct {
	Name    string
	Kind    pack.Kind
	Choices []string // what it can be, when that is a short list
	Folded  bool     // compared without case, diacritics and script (i18n.Fold)
}

// Subject is what a trigger is about, as one actor may see it.
type Subject struct {
	ID    int64
	Of    int64 // the thing that acts are done to, where ID names what happened to it; 0 = ID
	Title string
	Path  string // its page, for who works on a team
	Own   string // its page in the portal, "" when it has none
	Label string // "GREEN" …; "" = none
	At    int64  // µs
	Facts pack.Map
}

// Thing is what acts are done to.
func (s *Subject) Thing() int64 { return cmp.Or(s.Of, s.ID) }

// Trigger is a "when" that a room offers.
type Trigger struct {
	Name  string // "event.published"; words: rules.when.<name>
	Event string // the outbox's event type that starts it; its triggers have one ID, Load and Perm
	Facts []Fact
	// ID finds what an event of the outbox is about.
	ID func(payload json.RawMessage) (int64, error)
	// Load reads it with an actor's rights. Faults: NotFound for what may not be seen.
	Load func(ctx context.Context, who ident.Actor, id int64) (*Subject, error)
	// Recent gives the last n, newest first, for trying a rule; nil = it cannot be tried.
	Recent func(ctx context.Context, who ident.Actor, n int) ([]*Subject, error)
	// Stage tells that this is the trigger of the subject, beyond the event having
	// happened (it correlates with something); nil = always.
	Stage func(s *Subject) bool
	// Perm is what a person needs to see such subjects at all.
	Perm string
}

// Param is one word that an action wants.
type Param struct {
	Name     string
	Choices  []string
	Long     bool
	Optional bool
}

// Action is a "then" that a room offers.
type Action struct {
	Name   string   // "tag"; words: rules.do.<name>
	For    []string // names of triggers it fits; none = all
	Perm   string   // what the rule's person needs, when saving and when it runs
	Params []Param
	// Check judges the words; fields of its faults are the params' names.
	Check func(ctx context.Context, who ident.Actor, with map[string]string) error
	// Do acts. The same key again must change nothing more. said is shown beside
	// the run: a number or an address, never content.
	Do func(ctx context.Context, who ident.Actor, o Order) (said string, err error)
}

// Order is one act to carry out.
type Order struct {
	Key     string
	Rule    string // its UUID
	Name    string
	Trigger string
	Subject *Subject
	With    map[string]string
}

// Built in: they need the engine's own tables.
const (
	Ask   = "ask"   // stop until a person says yes or no
	Alert = "alert" // write to the rule's person
)

// When an alert is written.
const (
	AtOnce = "now"
	Daily  = "daily"  // at 07:00, legal zone
	Weekly = "weekly" // on Monday at 07:00
)

// Test is one row of conditions.
type Test struct {
	Fact  string `json:"fact"`
	Op    string `json:"op"`
	Value string `json:"value,omitempty"`
}

// Operators of tests, by the kind of fact.
const (
	Is     = "is"
	Isnt   = "isnt"
	OneOf  = "oneof"
	Has    = "has"
	Lacks  = "lacks"
	AtMost = "atmost"
	Least  = "least"
	True   = "true"
	False  = "false"
)

// Ops are the operators that fit a kind of fact.
func Ops(k pack.Kind) []string {
	switch k {
	case pack.Word:
		return []string{Is, Isnt, OneOf}
	case pack.Many:
		return []string{Has, Lacks}
	case pack.Number:
		return []string{Least, AtMost, Is}
	case pack.Yesno:
		return []string{True, False}
	}
	return nil
}

// Cond is the "if": rows of which all or any must hold, and a line in the condition
// language that must hold as well.
type Cond struct {
	Any   bool   `json:"any,omitempty"`
	Tests []Test `json:"tests,omitempty"`
	Also  string `json:"also,omitempty"`
}

// Act is one "then" of a rule.
type Act struct {
	Do   string            `json:"do"`
	With map[string]string `json:"with,omitempty"`
}

// Limits of one rule.
const (
	maxTests  = 20
	maxActs   = 10
	maxName   = 200
	maxValue  = 1000
	maxHourly = 10_000
	usual     = 100 // in an hour
)

// compile writes the conditions in the language and reads them back. Faults: Invalid
// on "test.N" or "also".
func (c Cond) compile(t *Trigger) (pack.Cond, error) {
	var bad fault.Collector
	bad.Require(len(c.Tests) <= maxTests, "tests", "rules.fault.many")
	var parts []string
	for i, x := range c.Tests {
		text, key := x.text(t)
		if key != "" {
			bad.Add("test."+strconv.Itoa(i), key)
		}
		parts = append(parts, text)
	}
	also := strings.TrimSpace(c.Also)
	if also != "" {
		if cond, err := pack.ParseCond(also); err != nil || !t.knows(cond.Names()) {
			bad.Add("also", "rules.fault.cond")
		}
	}
	if err := bad.Err("conditions of a rule"); err != nil {
		return pack.Cond{}, err
	}
	joint := " and "
	if c.Any {
		joint = " or "
	}
	text := strings.Join(parts, joint)
	switch {
	case text == "" && also == "":
		return pack.Cond{}, nil
	case text == "":
		text = also
	case also != "":
		text = "(" + text + ") and (" + also + ")"
	}
	return pack.ParseCond(text)
}

func (t *Trigger) knows(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return t.fact(n) == nil })
}

func (t *Trigger) fact(name string) *Fact {
	for i := range t.Facts {
		if t.Facts[i].Name == name {
			return &t.Facts[i]
		}
	}
	return nil
}

// text is a row in the condition language, or the key of what is wrong with it.
func (x Test) text(t *Trigger) (text, key string) {
	f := t.fact(x.Fact)
	if f == nil {
		return "", "rules.fault.fact"
	}
	if !slices.Contains(Ops(f.Kind), x.Op) {
		return "", "rules.fault.op"
	}
	v := strings.TrimSpace(x.Value)
	switch x.Op {
	case True:
		return f.Name + " = yes", ""
	case False:
		return f.Name + " = no", ""
	case Least, AtMost, Is:
		if f.Kind == pack.Number {
			return number(f.Name, x.Op, v)
		}
	case OneOf:
		var list []string
		for w := range strings.SplitSeq(v, ",") {
			q, ok := quote(f, strings.TrimSpace(w))
			if !ok {
				return "", "rules.fault.value"
			}
			list = append(list, q)
		}
		return f.Name + " in [" + strings.Join(list, ", ") + "]", ""
	}
	q, ok := quote(f, v)
	if !ok {
		return "", "rules.fault.value"
	}
	switch x.Op {
	case Is:
		return f.Name + " = " + q, ""
	case Isnt:
		return f.Name + " != " + q, ""
	case Has:
		return f.Name + " has " + q, ""
	}
	return "not (" + f.Name + " has " + q + ")", ""
}

func number(name, op, v string) (text, key string) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(v, ",", "."), 64)
	if err != nil || n < 0 || n > 1e15 {
		return "", "rules.fault.number"
	}
	sign := map[string]string{Least: " >= ", AtMost: " <= ", Is: " = "}[op]
	return name + sign + strconv.FormatFloat(n, 'f', -1, 64), ""
}

// quote writes a value as a text of the language, which has no escapes: one kind of
// quotation mark may stand in it, not both.
func quote(f *Fact, v string) (string, bool) {
	if f.Folded {
		v = i18n.Fold(v)
	}
	switch {
	case v == "" || len(v) > maxValue || strings.ContainsAny(v, "\n\r\x00"):
		return "", false
	case !strings.Contains(v, `"`):
		return `"` + v + `"`, true
	case !strings.Contains(v, `'`):
		return `'` + v + `'`, true
	}
	return "", false
}

// Rule is one saved rule.
type Rule struct {
	ID      int64
	UUID    string
	CERT    int64 // 0 = a person's own alert
	Person  int64 // whose rights it has
	Name    string
	Trigger string
	Cond    Cond
	Acts    []Act
	Active  bool
	Hourly  int // more in an hour wait for a person
	Version int64
	Created int64
	Changed int64
	Gone    int64 // µs; 0 = there

	// Of the list: how many runs in the last 30 days, how many wait or failed, the last one.
	Runs, Waiting, Failed, Last int64
}

// Own tells whether it is a person's own alert.
func (r *Rule) Own() bool { return r.CERT == 0 }

// When is the alert's own timing, of the first act that has one.
func (r *Rule) When() string {
	for _, a := range r.Acts {
		if a.Do == Alert {
			return a.With["when"]
		}
	}
	return ""
}
