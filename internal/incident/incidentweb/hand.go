package incidentweb

import (
	"net/http"
	"strconv"

	"straza/internal/incident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// handView is the form that hands a case over to another CERT.
type handView struct {
	Fields []ui.Field
	Parts  []handPart
}

// handPart is something that may go along.
type handPart struct {
	Name, Value, Label string
	Ticked             bool
}

// hand makes the form; nil when there is no other CERT here.
func (p *pages) hand(r *http.Request, x *incident.File, f *web.Form) (*handView, error) {
	certs, err := p.s.HandTo(r.Context(), web.Actor(r))
	if err != nil || len(certs) == 0 {
		return nil, err
	}
	var opts []ui.Option
	for _, c := range certs {
		opts = append(opts, ui.Option{Value: c.UUID, Label: c.Name})
	}
	title, reason := f.Field("hand_title", "incident.hand.title"), f.Field("hand_reason", "incident.hand.reason")
	if title.Value == "" {
		title.Value = x.Title
	}
	reason.Type, reason.Rows = "textarea", 3
	v := &handView{Fields: []ui.Field{pick(f, "hand_to", "incident.hand.to", opts), title, reason}}
	add := func(name, value, label string) {
		ticked := false
		for _, had := range f.Values[name] {
			ticked = ticked || had == value
		}
		v.Parts = append(v.Parts, handPart{name, value, label, ticked})
	}
	add("hand", "summary", web.T(r, "incident.hand.summary"))
	add("hand", "facts", web.T(r, "incident.hand.facts"))
	add("hand", "indicators", web.T(r, "incident.hand.tick.indicators"))
	if len(x.Evidence) > 0 {
		add("hand", "evidence", web.T(r, "incident.hand.tick.evidence"))
	}
	for _, e := range x.Entries {
		add("hand_entry", strconv.FormatInt(e.ID, 10), web.T(r, "incident.entry")+": "+shorten(e.Body))
	}
	for _, y := range x.Parties {
		add("hand_party", y.UUID, web.T(r, "incident.thread")+": "+y.Name)
	}
	return v, nil
}
