// Package formweb shows a form of the craft: the fields of a page as components, and
// the answers as a check page. It knows no room; the calling page owns addresses,
// buttons and what happens with files.
package formweb

import (
	"net/http"
	"strings"

	"straza/internal/craft/form"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Said gives the words of a problem in the language of the request.
func Said(r *http.Request, p form.Problem) string {
	if len(p.Text) > 0 {
		return p.Text.In(web.Lang(r))
	}
	return web.T(r, p.Key)
}

// Summary is the error summary of a page's problems; nil without any.
func Summary(r *http.Request, problems []form.Problem) *ui.ErrorSummary {
	if len(problems) == 0 {
		return nil
	}
	s := &ui.ErrorSummary{}
	for _, p := range problems {
		s.Items = append(s.Items, ui.ErrorItem{Field: p.Field, Text: Said(r, p)})
	}
	return s
}

// Fields gives the questions of a page as components, with what was typed and what
// is wrong. A page of one question leaves its legend to the page's heading.
func Fields(r *http.Request, p *form.Page, k form.Known, problems []form.Problem) []ui.Component {
	said := map[string]string{}
	for _, pr := range problems {
		said[pr.Field] = Said(r, pr)
	}
	asked := p.Asked(k)
	var out []ui.Component
	for _, q := range asked {
		switch q.Kind {
		case form.Choice, form.Many, form.Yesno:
			out = append(out, choices(r, q, k, said[q.Name], len(asked) == 1))
		case form.Files: // the page shows these itself
		default:
			out = append(out, field(r, q, k, said[q.Name]))
		}
	}
	return out
}

var inputs = map[string]string{form.Area: "textarea", form.Email: "email", form.Phone: "tel", form.Moment: "datetime-local", form.Number: "number"}

func field(r *http.Request, q *form.Question, k form.Known, wrong string) ui.Field {
	l := web.Lang(r)
	f := ui.Field{Name: q.Name, Label: q.Label.In(l), Hint: q.Hint.In(l), Error: wrong, Value: k.Answers.Get(q.Name), Type: inputs[q.Kind],
		Optional: q.Needed.Empty(), Autocomplete: q.Fill, Keep: true}
	if q.Kind == form.Area {
		f.Rows = 7
	}
	if q.Kind == form.Phone {
		f.InputMode = "tel"
	}
	return f
}

func choices(r *http.Request, q *form.Question, k form.Known, wrong string, alone bool) ui.Choices {
	l := web.Lang(r)
	c := ui.Choices{Name: q.Name, Legend: q.Label.In(l), HideLegend: alone, Hint: q.Hint.In(l), Error: wrong, Many: q.Kind == form.Many, Optional: q.Needed.Empty()}
	options := q.Offered(k)
	if q.Kind == form.Yesno {
		options = []form.Option{{Value: "yes", Label: i18n.Text{i18n.SrCyrl: "да", i18n.En: "yes"}}, {Value: "no", Label: i18n.Text{i18n.SrCyrl: "не", i18n.En: "no"}}}
	}
	for _, o := range options {
		x := ui.Option{Value: o.Value, Label: o.Label.In(l), Hint: o.Hint.In(l), Note: o.Note.In(l)}
		for _, v := range k.Answers[q.Name] {
			x.Checked = x.Checked || v == o.Value
		}
		c.Options = append(c.Options, x)
	}
	return c
}

// Check gives the answers by section, each with the way back to its page. files says
// what stands for a question of files.
func Check(r *http.Request, k form.Known, change func(page string) string, files func(*form.Question) string) []ui.Answers {
	l := web.Lang(r)
	var out []ui.Answers
	for _, p := range k.Form.Visible(k) {
		title := p.Section
		if len(title) == 0 {
			title = p.Title
		}
		a := ui.Answers{Title: title.In(l)}
		for _, q := range p.Asked(k) {
			text := Spoken(l, q, k)
			if q.Kind == form.Files {
				text = files(q)
			}
			if text == "" {
				text = web.T(r, "form.none")
			}
			a.Items = append(a.Items, ui.Answer{Question: q.Label.In(l), Answer: text, Change: change(p.ID)})
		}
		if len(a.Items) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// Spoken gives an answer as a person would say it.
func Spoken(l i18n.Lang, q *form.Question, k form.Known) string {
	vals := k.Answers[q.Name]
	if len(vals) == 0 {
		return ""
	}
	switch q.Kind {
	case form.Choice, form.Many:
		var words []string
		for _, v := range vals {
			for _, o := range q.Options {
				if o.Value == v {
					words = append(words, o.Label.In(l))
				}
			}
		}
		return strings.Join(words, ", ")
	case form.Moment:
		if t, err := form.ParseMoment(vals[0]); err == nil {
			return i18n.DateTime(l, t)
		}
	}
	return vals[0]
}
