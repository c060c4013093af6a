package ui

import "html/template"

// Button is a button, or a link that looks like one when Href is set. The zero
// variant is the primary one, of which a view has at most one.
type Button struct {
	Label   string
	Icon    string // before the word
	After   string // icon after the word
	Href    string // makes it a link
	Name    string
	Value   string
	Action  string // formaction: another address for the same form
	Form    string // id of the form it belongs to, when it stands outside
	Variant string // "", "secondary", "tertiary"
	Danger  bool
	Small   bool
	Wide    bool
	Key     string // single key that does the same, shown beside the word
	ID      string
	Kind    string // "" is submit; "button" only for buttons of our scripts
	Script  string // data-act: what our script does with it ("copy", "print", …)
	Target  string // data-target of the script
	Plain   bool   // formnovalidate
}

func (Button) template() string { return "c-button" }

// Primary gives the filled variant.
func (b Button) Primary() Button { b.Variant = ""; return b }

// Secondary gives the outlined variant.
func (b Button) Secondary() Button { b.Variant = "secondary"; return b }

// Tertiary gives the bare variant.
func (b Button) Tertiary() Button { b.Variant = "tertiary"; return b }

// WithIcon puts an icon before the word.
func (b Button) WithIcon(name string) Button { b.Icon = name; return b }

// Little gives the 28 px size.
func (b Button) Little() Button { b.Small = true; return b }

// Full gives the full width.
func (b Button) Full() Button { b.Wide = true; return b }

// Red marks a destroying act.
func (b Button) Red() Button { b.Danger = true; return b }

// Keyed shows and binds a single key.
func (b Button) Keyed(key string) Button { b.Key = key; return b }

// With sets what a submit button sends.
func (b Button) With(name, value string) Button { b.Name, b.Value = name, value; return b }

// Option is one thing to choose.
type Option struct {
	Value   string
	Label   string
	Hint    string
	Checked bool
	Note    string // shown when chosen: advice that fits the choice
}

// Field is a labelled input. ID is Name unless set; the error's link goes there.
type Field struct {
	Name         string
	ID           string
	Label        string
	Hint         string
	Error        string // in the person's language; "" when there is none
	Value        string
	Type         string // "" = text; email tel password number date datetime-local search url textarea select file checkbox
	Options      []Option
	Optional     bool
	Autocomplete string
	InputMode    string
	Rows         int
	MaxLength    int
	Multiple     bool
	Accept       string
	Capture      bool // file from the camera
	Mono         bool
	Suggest      []string // offered while one types in one line; anything else may be written
	Width        string   // "short" (10 em), "half"; "" full
	HideLabel    bool
	Placeholder  string
	ReadOnly     bool
	Autofocus    bool
	Keep         bool // the script keeps the typed text when the connection drops
	Typed        bool // it holds what was typed before the page was shown again
}

func (Field) template() string { return "c-field" }

// For is the id of the control.
func (f Field) For() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Name
}

// Describes lists the ids that describe the control, for aria-describedby.
func (f Field) Describes() string { return describes(f.For(), f.Hint, f.Error) }

func describes(id, hint, err string) string {
	switch {
	case hint != "" && err != "":
		return id + "-hint " + id + "-error"
	case hint != "":
		return id + "-hint"
	case err != "":
		return id + "-error"
	}
	return ""
}

// Choices is a question answered by rows: radio buttons, or ticks when Many.
type Choices struct {
	Name       string
	Legend     string
	HideLegend bool // the page's heading asks already
	Hint       string
	Error      string
	Options    []Option
	Many       bool
	Optional   bool
	Compact    bool // one line, for the console
}

func (Choices) template() string { return "c-choices" }

// Describes lists the ids that describe the group.
func (c Choices) Describes() string { return describes(c.Name, c.Hint, c.Error) }

// ErrorItem is one line of the error summary.
type ErrorItem struct {
	Field string // id of the control
	Text  string // the same words as at the field
}

// ErrorSummary stands first in main and takes the focus.
type ErrorSummary struct{ Items []ErrorItem }

func (ErrorSummary) template() string { return "c-errors" }

// Steps shows how far a form is: "Question 2 of 4", or "of at most 4" while answers that
// are still to come may take questions out.
type Steps struct {
	Now, All int
	Most     bool
}

func (Steps) template() string { return "c-steps" }

// Bars are the numbers 1 to All.
func (s Steps) Bars() []int {
	out := make([]int, max(0, s.All))
	for i := range out {
		out[i] = i + 1
	}
	return out
}

// Answer is one line of the check page.
type Answer struct {
	Question string
	Answer   any    // string, template.HTML or a component
	Change   string // address of the question; "" cannot be changed
}

// Answers is the check-your-answers list of one section.
type Answers struct {
	Title string
	Items []Answer
}

func (Answers) template() string { return "c-answers" }

// ByPasskey is the button beside a one-time code: the browser's passkey answers for
// the form it stands in, in the hidden fields challenge and assertion. It shows itself
// only where scripts and passkeys work. The page needs the script passkey.js.
type ByPasskey struct {
	Start string // address of the nonce, by POST
}

func (ByPasskey) template() string { return "c-bypasskey" }

// Receipt is the green panel with the code that can be read aloud.
type Receipt struct {
	Title string
	When  string
	Label string
	Code  string // digits; shown in groups of five
}

func (Receipt) template() string { return "c-receipt" }

// Groups are the code's digits in groups of five.
func (r Receipt) Groups() []string {
	var out []string
	for s := r.Code; s != ""; {
		n := min(5, len(s))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

// Dialog asks before what cannot be undone: the title names the object, the body
// who is affected, the buttons are verbs. Without scripts it is a page part.
type Dialog struct {
	ID     string
	Title  string
	Body   any // string, template.HTML or a component
	Action string
	Hidden map[string]string
	Do     Button
	Safe   Button
}

func (Dialog) template() string { return "c-dialog" }

// Undo is a form that takes an act back.
type Undo struct {
	Action string            `json:"a"`
	Hidden map[string]string `json:"h,omitempty"`
}

// Toast says that an act is done, with the way back.
type Toast struct {
	Text string
	Undo *Undo
}

func (Toast) template() string { return "c-toast" }

// Note is a message in the page: info, success, warning, danger.
type Note struct {
	Kind  string
	Title string
	Body  any
}

func (Note) template() string { return "c-note" }

// Empty says what a place without content means, what happens next, and offers
// one act. Error pages are the same component at page size.
type Empty struct {
	Icon  string
	Title string
	Text  string
	Acts  []Button
	Foot  string
	Page  bool // as the page's only content, with the title as its heading
	More  template.HTML
}

func (Empty) template() string { return "c-empty" }
