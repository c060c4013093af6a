package ui

import (
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/i18n"
)

// TLP is a traffic light label (FIRST TLP 2.0): RED, AMBER+STRICT, AMBER, GREEN
// or CLEAR, in any case, with or without the prefix. Empty shows nothing.
type TLP string

func (TLP) template() string { return "" }

// Word is the label without its prefix, in capitals.
func (t TLP) Word() string { return bareLabel(string(t), "TLP:") }

// PAP is a permissible actions label, with the same four colours but CLEAR for white.
type PAP string

func (PAP) template() string { return "" }

// Word is the label without its prefix, in capitals.
func (p PAP) Word() string { return bareLabel(string(p), "PAP:") }

func bareLabel(s, prefix string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), prefix)
}

// Severity shows one of low, medium, high, very-high: bars, then the word.
type Severity struct {
	Level string
	Pill  bool // on a ground of its own: page heads and public lists
}

func (Severity) template() string { return "" }

// Bars is how many of the four bars are filled; 0 for an unknown level.
func (s Severity) Bars() int {
	return map[string]int{"low": 1, "medium": 2, "high": 3, "very-high": 4}[s.Level]
}

// Kinds of state rings. A room maps its own states onto them and gives the word.
const (
	StateNew     = "new"      // nobody has looked: dashed ring
	StateAck     = "ack"      // seen, empty ring
	StateWorking = "working"  // half ring
	StateWaiting = "waiting"  // two strokes
	StateDone    = "done"     // tick
	StateRefused = "rejected" // cross
)

// State is a ring and a word.
type State struct {
	Kind string // one of the State… constants
	Word string // in the person's language
}

func (State) template() string { return "" }

// Tag is a small label: the namespace in grey, the word dark.
type Tag struct {
	Space  string
	Word   string
	Icon   string
	Swatch string // colour #rrggbb that a taxonomy supplied: only a small square
	Href   string
	Mono   bool
	Title  string // the whole of what it stands for, where the word is a part
}

func (Tag) template() string { return "" }

// Colour is the swatch when it is a plain #rrggbb, else "".
func (t Tag) Colour() string {
	if len(t.Swatch) != 7 || t.Swatch[0] != '#' {
		return ""
	}
	for _, r := range t.Swatch[1:] {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return ""
		}
	}
	return t.Swatch
}

// Avatar is a person's or organisation's initials; the name stands beside it or in its title.
type Avatar struct {
	Name string
	Org  bool // square
}

func (Avatar) template() string { return "" }

// Initials are the first letters of the first and the last word.
func (a Avatar) Initials() string {
	words := strings.Fields(a.Name)
	if len(words) == 0 {
		return "–"
	}
	out := first(words[0])
	if len(words) > 1 {
		out += first(words[len(words)-1])
	}
	return strings.ToUpper(out)
}

func first(s string) string { r, _ := utf8.DecodeRuneInString(s); return string(r) }

// Clock shows how much of a term is left. Due alone is enough; with Start the
// dial shows the share used up.
type Clock struct {
	Start  time.Time // when the term began
	Due    time.Time // when it ends
	Done   time.Time // when it was met; not zero stops the clock
	Paused string    // why it stands still, in the person's language; "" runs
	Label  string    // what falls due, in grey behind the time
	Until  bool      // say until when, too
}

func (Clock) template() string { return "" }

// Steps of a clock, from calm to late.
const (
	StepCalm   = "calm"
	StepSoon   = "soon" // under a quarter of the term left
	StepLast   = "last" // under an hour left
	StepLate   = "late"
	StepPaused = "paused"
	StepDone   = "done"
	StepMissed = "missed" // done, but late
)

// Step is the clock's step at now.
func (c Clock) Step(now time.Time) string {
	left := c.Due.Sub(now)
	switch {
	case !c.Done.IsZero() && c.Done.After(c.Due):
		return StepMissed
	case !c.Done.IsZero():
		return StepDone
	case c.Paused != "":
		return StepPaused
	case left < 0:
		return StepLate
	case left < time.Hour:
		return StepLast
	case !c.Start.IsZero() && left*4 < c.Due.Sub(c.Start):
		return StepSoon
	}
	return StepCalm
}

// Used is the share of the term used up at now, 0 to 100.
func (c Clock) Used(now time.Time) int {
	term := c.Due.Sub(c.Start)
	if c.Start.IsZero() || term <= 0 {
		return 0
	}
	return min(100, max(0, int(now.Sub(c.Start)*100/term)))
}

// clockView is a clock with its words, as the template shows it.
type clockView struct {
	Clock
	Step string
	Used int
	Left string
	Say  string // until when
	ISO  string
	Full string
	Term string // start, for the script
}

// clockView works out the words of a clock in language l.
func (k *Kit) clockView(l i18n.Lang, c Clock) clockView {
	now := k.Now()
	v := clockView{Clock: c, Step: c.Step(now), Used: c.Used(now), ISO: c.Due.UTC().Format(time.RFC3339),
		Full: i18n.FullTime(l, c.Due), Left: i18n.Duration(l, c.Due.Sub(now)), Say: i18n.Until(l, c.Due, now)}
	if !c.Start.IsZero() {
		v.Term = c.Start.UTC().Format(time.RFC3339)
	}
	if !c.Done.IsZero() {
		v.Left = i18n.Duration(l, c.Done.Sub(c.Due))
		v.Say = i18n.When(l, c.Done, now)
	}
	return v
}
