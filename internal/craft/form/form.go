package form

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/kernel/i18n"
)

// Kinds of question.
const (
	Choice = "choice" // one of the options
	Many   = "many"   // any of the options
	Yesno  = "yesno"
	Text   = "text" // one line
	Area   = "area" // several lines
	Email  = "email"
	Phone  = "phone"
	Moment = "moment" // a moment as people in Belgrade mean it, YYYY-MM-DDTHH:MM
	Number = "number"
	Files  = "files" // values are ids of files kept with the draft
)

var kinds = []string{Choice, Many, Yesno, Text, Area, Email, Phone, Moment, Number, Files}

// Form is one version of a form.
type Form struct {
	Name    string    `yaml:"-"`
	Version int       `yaml:"-"`
	Title   i18n.Text `yaml:"title"`
	Facts   []string  `yaml:"facts"` // names that the caller answers beside the questions
	Pages   []Page    `yaml:"pages"`
}

// Page is what is asked at once.
type Page struct {
	ID        string     `yaml:"id"`
	Section   i18n.Text  `yaml:"section"` // heading of the page's answers on the check page
	Title     i18n.Text  `yaml:"title"`
	Hint      i18n.Text  `yaml:"hint"`
	When      pack.Cond  `yaml:"when"`
	Questions []Question `yaml:"questions"`
	Rules     []Rule     `yaml:"rules"`
}

// Question is one field.
type Question struct {
	Name     string    `yaml:"name"`
	Kind     string    `yaml:"kind"`
	Label    i18n.Text `yaml:"label"`
	Hint     i18n.Text `yaml:"hint"`
	When     pack.Cond `yaml:"when"`
	Needed   pack.Cond `yaml:"needed"` // absent = not needed
	Max      int       `yaml:"max"`    // characters, or files; 0 = the kind's own
	Options  []Option  `yaml:"options"`
	Personal string    `yaml:"personal"` // why a personal datum is asked (PR-06); "" = none
	Fill     string    `yaml:"fill"`     // autocomplete token (WCAG 1.3.5)
	Missing  i18n.Text `yaml:"missing"`  // said when a needed answer is missing
}

// Option is one answer to choose.
type Option struct {
	Value string    `yaml:"value"`
	Label i18n.Text `yaml:"label"`
	Hint  i18n.Text `yaml:"hint"`
	Note  i18n.Text `yaml:"note"` // advice shown when chosen
	When  pack.Cond `yaml:"when"`
}

// Rule is about several fields of a page: when it holds, the page is wrong.
type Rule struct {
	When  pack.Cond `yaml:"when"`
	Field string    `yaml:"field"` // where the sentence stands
	Text  i18n.Text `yaml:"text"`
}

// Parse reads a form from a pack and checks that it is whole: unique names, known
// kinds, texts in both languages, conditions that ask only for what is asked.
func Parse(p *pack.Pack) (*Form, error) {
	f := &Form{}
	if err := p.Decode(f); err != nil {
		return nil, err
	}
	f.Name, f.Version = p.Name, p.Version
	if err := f.check(); err != nil {
		return nil, &pack.Error{File: p.File, Text: err.Error()}
	}
	return f, nil
}

// checker gathers the names of a form while it is walked.
type checker struct {
	names []string
	conds []pack.Cond
	pages []string
}

func (f *Form) check() error {
	c := &checker{names: slices.Clone(f.Facts)}
	for i := range f.Pages {
		if err := c.page(&f.Pages[i]); err != nil {
			return err
		}
	}
	for _, cond := range c.conds {
		for _, n := range cond.Names() {
			if !slices.Contains(c.names, n) {
				return fmt.Errorf("condition %q asks for %q, which nobody answers", cond, n)
			}
		}
	}
	if len(f.Pages) == 0 {
		return fmt.Errorf("a form without pages")
	}
	return nil
}

func both(t i18n.Text) bool { return t[i18n.SrCyrl] != "" && t[i18n.En] != "" }

func (c *checker) page(p *Page) error {
	if p.ID == "" || slices.Contains(c.pages, p.ID) || !both(p.Title) {
		return fmt.Errorf("page %q needs an id of its own and a title in sr-Cyrl and en", p.ID)
	}
	c.pages = append(c.pages, p.ID)
	c.conds = append(c.conds, p.When)
	for i := range p.Questions {
		if err := c.question(&p.Questions[i]); err != nil {
			return fmt.Errorf("page %q: %w", p.ID, err)
		}
	}
	for _, r := range p.Rules {
		c.conds = append(c.conds, r.When)
		if r.When.Empty() || !both(r.Text) || !slices.ContainsFunc(p.Questions, func(q Question) bool { return q.Name == r.Field }) {
			return fmt.Errorf("page %q: a rule needs a condition, a field of its page and a text in sr-Cyrl and en", p.ID)
		}
	}
	return nil
}

func (c *checker) question(q *Question) error {
	if q.Name == "" || slices.Contains(c.names, q.Name) || strings.ContainsAny(q.Name, " .") {
		return fmt.Errorf("question %q needs a name of its own, without blanks and dots", q.Name)
	}
	if !slices.Contains(kinds, q.Kind) || !both(q.Label) {
		return fmt.Errorf("question %q needs one of the kinds %s and a label in sr-Cyrl and en", q.Name, strings.Join(kinds, ", "))
	}
	if (q.Kind == Choice || q.Kind == Many) == (len(q.Options) == 0) {
		return fmt.Errorf("question %q: options are for choice and many, and needed there", q.Name)
	}
	c.names = append(c.names, q.Name)
	c.conds = append(c.conds, q.When, q.Needed)
	var values []string
	for _, o := range q.Options {
		if o.Value == "" || slices.Contains(values, o.Value) || !both(o.Label) {
			return fmt.Errorf("question %q: option %q needs a value of its own and a label in sr-Cyrl and en", q.Name, o.Value)
		}
		values = append(values, o.Value)
		c.conds = append(c.conds, o.When)
	}
	return nil
}

// Page gives a page by its id.
func (f *Form) Page(id string) (*Page, bool) {
	for i := range f.Pages {
		if f.Pages[i].ID == id {
			return &f.Pages[i], true
		}
	}
	return nil, false
}

// Question gives a question by its name.
func (f *Form) Question(name string) (*Question, bool) {
	for i := range f.Pages {
		for j := range f.Pages[i].Questions {
			if q := &f.Pages[i].Questions[j]; q.Name == name {
				return q, true
			}
		}
	}
	return nil, false
}

// Visible lists the pages that are asked, given what is known.
func (f *Form) Visible(facts pack.Facts) []*Page {
	var out []*Page
	for i := range f.Pages {
		if f.Pages[i].When.Holds(facts) {
			out = append(out, &f.Pages[i])
		}
	}
	return out
}

// Most says how many pages there are at most, from what is known when page at is shown:
// certain when no answer that is still to come changes their number. What was asked
// before at and left empty stays so.
func (f *Form) Most(k Known, at *Page) (n int, certain bool) {
	open := openKnown{Known: k, open: map[string]bool{}}
	later := false
	for i := range f.Pages {
		later = later || f.Pages[i].ID == at.ID
		for _, q := range f.Pages[i].Questions {
			open.open[q.Name] = later && k.Answers.Get(q.Name) == ""
		}
	}
	certain = true
	for i := range f.Pages {
		p := &f.Pages[i]
		if p.When.May(open) {
			n++
			certain = certain && p.When.Holds(open)
			continue
		}
		for _, q := range p.Questions { // nobody will be asked
			open.open[q.Name] = false
		}
	}
	return n, certain
}

// openKnown are the facts of a form of which some are still to come.
type openKnown struct {
	Known
	open map[string]bool
}

// Open implements pack.Opens.
func (o openKnown) Open(name string) bool { return o.open[name] }

// Asked lists the questions of a page that are asked, given what is known.
func (p *Page) Asked(facts pack.Facts) []*Question {
	var out []*Question
	for i := range p.Questions {
		if p.Questions[i].When.Holds(facts) {
			out = append(out, &p.Questions[i])
		}
	}
	return out
}

// Offered lists the options that may be chosen, given what is known.
func (q *Question) Offered(facts pack.Facts) []Option {
	var out []Option
	for _, o := range q.Options {
		if o.When.Holds(facts) {
			out = append(out, o)
		}
	}
	return out
}

// Must tells whether an answer is needed, given what is known.
func (q *Question) Must(facts pack.Facts) bool { return !q.Needed.Empty() && q.Needed.Holds(facts) }

// Messages are the sentences of Check's keys.
//
//go:embed messages/*.json
var Messages embed.FS
