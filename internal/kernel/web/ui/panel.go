package ui

import "time"

// Header is the head of a console or portal page.
type Header struct {
	Number string // in mono, before the marks
	Marks  []any
	Title  string
	Sub    []any    // joined with a middle dot
	Acts   []Button // one to three: what people come for
	More   []Button // the rest, behind "more"
	Clocks []LabelledClock
	Tabs   *Tabs
	Prev   string // previous and next in the list, keys , and .
	Next   string
	InList bool // it stands in a list: where there is no previous or next, that is said
}

func (Header) template() string { return "c-header" }

// Menu holds the rest of the acts; nil without any.
func (h Header) Menu() *Menu {
	if len(h.More) == 0 {
		return nil
	}
	return &Menu{Items: h.More}
}

// LabelledClock is a clock under a small label.
type LabelledClock struct {
	Label string
	Clock Clock
}

// NextStep is the one amber card above a case.
type NextStep struct {
	Title string
	Text  string
	Act   Button
}

func (NextStep) template() string { return "c-next" }

// Ring is one circle of readers.
type Ring struct {
	Count int
	Word  string // "organisations"
	Sub   string // "this community"
}

// Audience is the who-sees-it panel: from the innermost ring out, at most three.
type Audience struct {
	Title  string
	Rings  []Ring
	Except string // exceptions in one sentence
	Links  []Button
}

func (Audience) template() string { return "c-audience" }

// Moment is one line of a timeline.
type Moment struct {
	Icon   string
	Tone   string // "", "danger", "success", "accent"
	Title  any
	At     time.Time
	Noted  time.Time // when it was written, shown only when more than an hour later
	By     string
	Detail []any // further parts of the grey line
	Codes  []string
}

// Late tells whether the writing is worth showing.
func (m Moment) Late() bool { return m.Noted.Sub(m.At) > time.Hour }

// Timeline is a list of moments with the days as small heads, in the order given.
type Timeline struct {
	Items []Moment
	Empty *Empty
}

func (Timeline) template() string { return "c-timeline" }

// Kinds of message in a thread.
const (
	FromThem = "them"
	FromUs   = "us"
	Draft    = "draft"
	Internal = "internal"
)

// Message is one message of a thread.
type Message struct {
	Kind  string // one of FromThem, FromUs, Draft, Internal
	Who   string
	At    time.Time
	Note  string // "saved 8.20"
	Seals []Sealed
	Body  string // plain text as written; line breaks are kept
	Lang  string // language of the body, when known
	Files []FileRef
	Acts  []Button
	Check string // whether the recipient may receive this label
}

func (Message) template() string { return "c-message" }

// Sealed tells one thing of how a message was encrypted or signed.
type Sealed struct {
	Icon string
	Word string
	Code string // a fingerprint
	Tone string // ui's tones: success, warning, danger; "" = neither good nor bad
}

// FileRef is an attachment.
type FileRef struct {
	Name string
	Size int64
	Href string
	Note string
}

// Stage is one step of a legal track: done, now, next, late.
type Stage struct {
	Label string
	Sub   string
	State string
}

// Track shows the stages of a legal duty and what its clock is counted from.
type Track struct {
	Title  string
	Basis  string
	Stages []Stage
}

func (Track) template() string { return "c-track" }

// Task is one line of a task list with a tick that is a form.
type Task struct {
	Title  string
	Href   string
	Done   bool
	Action string // POST address of the tick; "" shows only
	Clock  *Clock
	Who    string
	Note   string
	Hidden map[string]string
}

// Tasks is a task list.
type Tasks struct{ Items []Task }

func (Tasks) template() string { return "c-tasks" }
