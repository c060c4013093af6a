package intelapi

import (
	"net/http"
	"strconv"

	"straza/internal/intel/enrich"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// sheet is what is known of an attribute's value, what modules answered about it, and
// what can be taken over by key.
type sheet struct {
	Facts   []knownFact `json:"facts"`
	Offers  []offer     `json:"offers"`
	Answers []answer    `json:"answers"`
	Modules []module    `json:"modules"`
}

type knownFact struct {
	Kind   string  `json:"kind"`
	Value  string  `json:"value"`
	Detail *string `json:"detail"`
	Care   bool    `json:"care"`
}

type offer struct {
	Key     string   `json:"key"`
	Kind    string   `json:"kind"` // attribute, object, tag, comment
	Type    *string  `json:"type"` // of an attribute; the template's name of an object
	Value   string   `json:"value"`
	Comment *string  `json:"comment"`
	ToIDS   bool     `json:"to_ids"`
	Tags    []string `json:"tags"`
	Lists   []hit    `json:"warning_lists"`
	Here    bool     `json:"here"`
}

type answer struct {
	Server  string  `json:"server"`
	Module  string  `json:"module"`
	Asked   string  `json:"asked"`
	Before  bool    `json:"before"` // kept from an earlier question
	Said    *string `json:"said"`   // the module's own words
	Offers  []offer `json:"offers"`
	Skipped int     `json:"skipped"`
}

type module struct {
	Server string  `json:"server"`
	Module string  `json:"module"`
	Manner string  `json:"manner"`
	Held   *string `json:"held"` // why the value may not leave
}

func offersOf(list []enrich.Offer) []offer {
	out := make([]offer, len(list))
	for i, o := range list {
		x := offer{Key: o.Key, Kind: o.Kind, Type: orNull(o.Type), Value: o.Value, Comment: orNull(o.Comment), ToIDS: o.ToIDS, Tags: []string{}, Lists: []hit{}, Here: o.Here}
		if o.Kind == enrich.OfTag || o.Kind == enrich.OfComment {
			x.Value = o.Text
		}
		x.Tags = append(x.Tags, o.Tags...)
		for _, h := range o.Hits {
			x.Lists = append(x.Lists, hit{h.Name, h.Category, h.Matched})
		}
		out[i] = x
	}
	return out
}

func answerOf(g *enrich.Given) answer {
	return answer{Server: g.Server, Module: g.Module, Asked: clock.FromMicros(g.Asked).UTC().Format("2006-01-02T15:04:05.000000Z"), Before: g.Before, Said: orNull(g.Said), Offers: offersOf(g.Offers), Skipped: g.Skipped}
}

// known tells what is known without asking anybody, and what was answered before.
func (a *api) known(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	at, err := a.s.Attribute(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	list, err := a.e.Sheets(r.Context(), web.Actor(r), strconv.FormatInt(at.EventID, 10), []string{id})
	if err != nil {
		return err
	}
	x, out := &list[0], sheet{Facts: []knownFact{}, Answers: []answer{}, Modules: []module{}}
	for _, f := range x.Facts {
		if f.Say != "" {
			f.Value = f.Say
		}
		out.Facts = append(out.Facts, knownFact{f.Kind, f.Value, orNull(f.Detail), f.Care})
	}
	out.Offers = offersOf(x.Offers)
	for i := range x.Answers {
		out.Answers = append(out.Answers, answerOf(&x.Answers[i]))
	}
	for _, c := range x.Choices {
		out.Modules = append(out.Modules, module{c.ServerName, c.Module, string(c.Manner), orNull(c.Held)})
	}
	return web.JSON(w, http.StatusOK, out)
}

// ask asks a module about an attribute.
func (a *api) ask(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	var in struct {
		Module string `json:"module"`
		Server string `json:"server"`
		Again  bool   `json:"again"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	g, err := a.e.Ask(r.Context(), web.Actor(r), enrich.Question{Attribute: id, Module: in.Module, Server: in.Server, Again: in.Again})
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, answerOf(&g))
}

// takeOver puts offers, named by their keys, into the attribute's event.
func (a *api) takeOver(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	var in struct {
		Keys []string `json:"keys"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if len(in.Keys) == 0 || len(in.Keys) > 1000 {
		return fault.Field("keys", "web.error.required", "keys of offers, at most 1000")
	}
	at, err := a.s.Attribute(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	var picks []enrich.Pick
	for _, k := range in.Keys {
		picks = append(picks, enrich.Pick{Attribute: id, Key: k})
	}
	out, err := a.e.Take(r.Context(), web.Actor(r), strconv.FormatInt(at.EventID, 10), picks)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, struct {
		Done    int    `json:"done"`
		Same    int    `json:"same"`
		Refused int    `json:"refused"`
		Undo    string `json:"undo"`
	}{out.Done, out.Same, out.Refused, undoOf(out.Undo)})
}

// undoOf names what can be taken back; "" when nothing was done.
func undoOf(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// giveBack undoes what one take did, as far as nobody changed it since.
func (a *api) giveBack(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	var in struct {
		Undo string `json:"undo"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	undo, err := strconv.ParseInt(in.Undo, 10, 64)
	if err != nil {
		return fault.Field("undo", "web.error.form", "%.30q is no undo of a take", in.Undo)
	}
	at, err := a.s.Attribute(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	done, left, err := a.e.Undo(r.Context(), web.Actor(r), strconv.FormatInt(at.EventID, 10), undo)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, struct {
		Done int `json:"done"`
		Left int `json:"left"`
	}{done, left})
}
