package form

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"straza/internal/craft/pack"
	"straza/internal/kernel/i18n"
)

// Answers are what a person gave, by the question's name. An empty text is no answer.
type Answers map[string][]string

// Get gives the first answer to a question.
func (a Answers) Get(name string) string {
	if v := a[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// With gives the answers with one replaced; a itself stays.
func (a Answers) With(name string, values ...string) Answers {
	out := make(Answers, len(a)+1)
	for k, v := range a {
		out[k] = v
	}
	out[name] = values
	return out
}

// Known are the facts of a form under way: its answers, and what the caller knows.
type Known struct {
	Form    *Form
	Answers Answers
	Extra   pack.Map // values of Form.Facts
}

// Fact implements pack.Facts.
func (k Known) Fact(name string) pack.Value {
	if v, ok := k.Extra[name]; ok {
		return v
	}
	q, ok := k.Form.Question(name)
	vals := k.Answers[name]
	if !ok || len(vals) == 0 || vals[0] == "" {
		return pack.Value{}
	}
	switch q.Kind {
	case Many, Files:
		return pack.Texts(vals...)
	case Yesno:
		return pack.Yes(vals[0] == "yes")
	case Number:
		n, err := strconv.ParseFloat(vals[0], 64)
		if err != nil {
			return pack.Value{}
		}
		return pack.Num(n)
	}
	return pack.Text(vals[0])
}

// Problem is one thing that is wrong with a page. Text is the pack's own sentence;
// where it has none, Key is a message key of this craft.
type Problem struct {
	Field string
	Key   string
	Text  i18n.Text
}

// Longest answers in characters where the pack says nothing.
var longest = map[string]int{Text: 200, Area: 10000, Email: 254, Phone: 40, Moment: 16, Number: 20, Choice: 60, Many: 60, Yesno: 10, Files: 60}

// Read takes the answers to a page's questions out of values (a posted form), and
// leaves all others alone. Texts are trimmed, made valid UTF-8, and freed of control
// characters; line ends become \n.
func (p *Page) Read(k Known, values map[string][]string) Answers {
	out := k.Answers
	for _, q := range p.Asked(k) {
		if q.Kind == Files {
			continue // come by another way
		}
		var vals []string
		for _, v := range values[q.Name] {
			if v = clean(v, q.Kind == Area); v != "" && len(vals) < 100 {
				vals = append(vals, v)
			}
		}
		if q.Kind != Many && len(vals) > 1 {
			vals = vals[:1]
		}
		out = out.With(q.Name, vals...)
	}
	return out
}

func clean(s string, lines bool) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines, r == '\t' && lines:
			return r
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// Check gives what is wrong with a page, in the order of its fields.
func (p *Page) Check(k Known) []Problem {
	var out []Problem
	asked := p.Asked(k)
	for _, q := range asked {
		if pr, wrong := q.check(k); wrong {
			out = append(out, pr)
		}
	}
	for _, r := range p.Rules {
		said := slices.ContainsFunc(out, func(x Problem) bool { return x.Field == r.Field })
		here := slices.ContainsFunc(asked, func(q *Question) bool { return q.Name == r.Field })
		if here && !said && r.When.Holds(k) {
			out = append(out, Problem{Field: r.Field, Text: r.Text})
		}
	}
	return out
}

func (q *Question) check(k Known) (Problem, bool) {
	vals := k.Answers[q.Name]
	if len(vals) == 0 || vals[0] == "" {
		if !q.Must(k) {
			return Problem{}, false
		}
		if len(q.Missing) > 0 {
			return Problem{Field: q.Name, Text: q.Missing}, true
		}
		return Problem{Field: q.Name, Key: "form.needed." + missingKey(q.Kind)}, true
	}
	limit := q.Max
	if limit == 0 || q.Kind == Files {
		limit = longest[q.Kind]
	}
	for _, v := range vals {
		if utf8.RuneCountInString(v) > limit {
			return Problem{Field: q.Name, Key: "form.long"}, true
		}
		if key := q.wrong(v, k); key != "" {
			return Problem{Field: q.Name, Key: key}, true
		}
	}
	return Problem{}, false
}

func missingKey(kind string) string {
	switch kind {
	case Choice, Many, Yesno:
		return "choice"
	case Files:
		return "files"
	}
	return "text"
}

// wrong gives the message key of what is wrong with one value, "" when nothing is.
func (q *Question) wrong(v string, k Known) string {
	switch q.Kind {
	case Choice, Many:
		if !slices.ContainsFunc(q.Offered(k), func(o Option) bool { return o.Value == v }) {
			return "form.choice"
		}
	case Yesno:
		if v != "yes" && v != "no" {
			return "form.choice"
		}
	case Email:
		if !isEmail(v) {
			return "form.email"
		}
	case Phone:
		if !isPhone(v) {
			return "form.phone"
		}
	case Number:
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return "form.number"
		}
	case Moment:
		if _, err := ParseMoment(v); err != nil {
			return "form.moment"
		}
	}
	return ""
}

// isEmail accepts an address that letters can be sent to: one @, a domain with a
// dot, no display name (RFC 5321 in practice, RFC 6531 letters allowed).
func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1 && !strings.ContainsAny(domain, "[]")
}

// isPhone accepts six to fifteen digits (E.164) with the usual signs between them.
func isPhone(s string) bool {
	n := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			n++
		case strings.ContainsRune("+()/-. \u00a0", r):
		default:
			return false
		}
	}
	return n >= 6 && n <= 15
}

// ParseMoment reads a moment as people in Belgrade mean it.
func ParseMoment(s string) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02T15:04", s, i18n.Belgrade)
	if err != nil {
		t, err = time.ParseInLocation(time.DateOnly, s, i18n.Belgrade)
	}
	return t, err
}

// Clean takes out the answers to questions that are not asked under what is known:
// who changes an early answer does not send what a later page had gathered. It goes
// on until nothing changes, for one question may hang on another.
func (f *Form) Clean(k Known) Answers {
	for {
		asked := Answers{}
		for _, p := range f.Visible(k) {
			for _, q := range p.Asked(k) {
				if v := k.Answers[q.Name]; len(v) > 0 && v[0] != "" {
					asked[q.Name] = v
				}
			}
		}
		if len(asked) == count(k.Answers) {
			return asked
		}
		k.Answers = asked
	}
}

func count(a Answers) (n int) {
	for _, v := range a {
		if len(v) > 0 && v[0] != "" {
			n++
		}
	}
	return n
}

// CheckAll gives the first page with problems, and them; ok is true when the form
// is complete.
func (f *Form) CheckAll(k Known) (p *Page, problems []Problem, ok bool) {
	for _, p := range f.Visible(k) {
		if problems := p.Check(k); len(problems) > 0 {
			return p, problems, false
		}
	}
	return nil, nil, true
}
