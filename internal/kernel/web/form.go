package web

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

// Form is what a person typed, with what is wrong with it. It reads typed values,
// keeps the typed text for the answer, and gives components filled with both.
type Form struct {
	Values url.Values
	fault.Collector
	errs map[string]string // field → sentence in the person's language
	r    *http.Request
}

// NewForm is a form nobody has sent yet, filled with values (which may be nil).
// Where the page is shown again in another language, it holds what was typed so far.
func NewForm(r *http.Request, values url.Values) *Form {
	values = withTyped(r, values)
	if values == nil {
		values = url.Values{}
	}
	return &Form{Values: values, r: r}
}

// ReadForm parses a form that was sent. Forms with files are read by ReadUpload;
// here their files are thrown away. A body that is no form is Invalid.
func ReadForm(r *http.Request) (*Form, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return ReadUpload(r, UploadLimits{}, func(*Form, Upload) error { return nil })
	}
	if err := r.ParseForm(); err != nil {
		return nil, badForm(err)
	}
	return &Form{Values: r.PostForm, r: r}, nil
}

// Text reads a field without surrounding blanks. Longer than maxLen characters is
// an error of the field; what is not UTF-8, and NUL, is taken out.
func (f *Form) Text(name string, maxLen int) string {
	s := strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(f.Values.Get(name), ""), "\x00", ""))
	f.Require(utf8.RuneCountInString(s) <= maxLen, name, "web.error.toolong")
	return s
}

// Needed is Text that may not be empty.
func (f *Form) Needed(name string, maxLen int) string {
	s := f.Text(name, maxLen)
	f.Require(s != "", name, "web.error.required")
	return s
}

// Proof reads what a person shows to be let at sealed things: the passkey's answer
// that ui.ByPasskey put into the form, else the code in the field name. Neither is an
// error of that field.
func (f *Form) Proof(name string) ident.Proof {
	if a := f.Values.Get("assertion"); a != "" {
		return ident.Proof{Challenge: f.Text("challenge", 200), Assertion: []byte(a)}
	}
	return ident.CodeProof(f.Needed(name, 20))
}

// OneOf reads a choice; anything but the allowed values is an error of the field.
func (f *Form) OneOf(name string, allowed ...string) string {
	s := f.Values.Get(name)
	for _, a := range allowed {
		if s == a {
			return s
		}
	}
	f.Add(name, "web.error.choice")
	return ""
}

// Int reads a whole number; empty is 0.
func (f *Form) Int(name string) int64 {
	s := f.Text(name, 20)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	f.Require(err == nil, name, "web.error.number")
	return n
}

// Tick reads a tick box.
func (f *Form) Tick(name string) bool { return f.Values.Get(name) != "" }

// Many reads all values of a field.
func (f *Form) Many(name string) []string { return f.Values[name] }

// Ids reads the rows ticked in a list; what is no number is left out.
func (f *Form) Ids(name string) []int64 {
	var out []int64
	for _, s := range f.Values[name] {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// Time reads a date ("2026-11-22") or a moment ("2026-11-22T08:36") as people in
// Belgrade mean it; empty is the zero time.
func (f *Form) Time(name string) time.Time {
	s := f.Text(name, 30)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02", "2. 1. 2006.", "2.1.2006."} {
		if t, err := time.ParseInLocation(layout, s, i18n.Belgrade); err == nil {
			return t
		}
	}
	f.Add(name, "web.error.date")
	return time.Time{}
}

// Fail takes the field errors of err, or those the form found itself when err is
// nil, and tells whether the page has to be shown again. An error that is not
// about the input is none of its business: return it.
func (f *Form) Fail(err error) bool {
	if err == nil {
		err = f.Err("form")
	}
	e := fault.Of(err)
	if e == nil || e.Kind != fault.Invalid {
		return false
	}
	if f.errs == nil {
		f.errs = map[string]string{}
	}
	for name, key := range e.Fields {
		f.errs[name] = T(f.r, key, e.Args...)
	}
	if len(e.Fields) == 0 && e.Key != "" {
		f.errs[""] = T(f.r, e.Key, e.Args...)
	}
	return true
}

// Error is the sentence at a field, "" when there is none.
func (f *Form) Error(name string) string { return f.errs[name] }

// Summary is the error summary, fields in the order given (all others after them
// by name); nil without errors. Put it into Page.Errors.
func (f *Form) Summary(order ...string) *ui.ErrorSummary {
	if len(f.errs) == 0 {
		return nil
	}
	rank := map[string]int{}
	for i, name := range order {
		rank[name] = i - len(order)
	}
	names := make([]string, 0, len(f.errs))
	for name := range f.errs {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if rank[names[i]] != rank[names[j]] {
			return rank[names[i]] < rank[names[j]]
		}
		return names[i] < names[j]
	})
	s := &ui.ErrorSummary{}
	for _, name := range names {
		s.Items = append(s.Items, ui.ErrorItem{Field: name, Text: f.errs[name]})
	}
	return s
}

// Field gives a field with its label (message key), the typed text and its error.
func (f *Form) Field(name, labelKey string) ui.Field {
	return ui.Field{Name: name, Label: T(f.r, labelKey), Value: f.Values.Get(name), Error: f.errs[name], Typed: stateOf(f.r).typed.Get(name) != ""}
}

// Select gives a field that is answered by one of the options.
func (f *Form) Select(name, labelKey string, options ...ui.Option) ui.Field {
	x := f.Field(name, labelKey)
	x.Type, x.Options = "select", options
	return x
}

// Words are options by their values, whose labels are the messages prefix + value.
func Words[V ~string](r *http.Request, prefix string, values ...V) []ui.Option {
	out := make([]ui.Option, len(values))
	for i, v := range values {
		out[i] = ui.Option{Value: string(v), Label: T(r, prefix+string(v))}
	}
	return out
}

// Reach is how a form asks who may see a thing that is shared: at which level, in the field
// "distribution", and within which group at the level that has one, in the field "group".
type Reach struct {
	Level, Group string // message keys of the two labels
	Words        string // what the messages of the levels begin with
	Levels       []string
	Groups       []ui.Option // the first stands for none
}

// Reach gives the two fields.
func (f *Form) Reach(x Reach) (level, group ui.Field) {
	level, group = f.Select("distribution", x.Level, Words(f.r, x.Words, x.Levels...)...), f.Select("group", x.Group, x.Groups...)
	group.Optional = true
	return level, group
}

// Box gives a tick box with its label (message key), ticked when it was, and its error.
func (f *Form) Box(name, labelKey string) ui.Field {
	x := f.Field(name, labelKey)
	x.Type, x.Value, x.Options = "checkbox", "1", []ui.Option{{Checked: f.Tick(name)}}
	return x
}

// Choices gives a question with its rows, the chosen ones ticked, and its error.
func (f *Form) Choices(name, legendKey string, options ...ui.Option) ui.Choices {
	chosen := map[string]bool{}
	for _, v := range f.Values[name] {
		chosen[v] = true
	}
	for i := range options {
		options[i].Checked = chosen[options[i].Value]
	}
	return ui.Choices{Name: name, Legend: T(f.r, legendKey), Options: options, Error: f.errs[name]}
}
