package intelapi

import (
	"net/http"

	"straza/internal/intel"
	"straza/internal/kernel/web"
)

// candidate is an indicator found in a text.
type candidate struct {
	Type       string   `json:"type"`
	Value      string   `json:"value"` // put right again
	Also       *string  `json:"also"`  // another type it may be
	Category   string   `json:"category"`
	ToIDS      bool     `json:"to_ids"`
	Start      int      `json:"start"` // bytes of the text
	End        int      `json:"end"`
	Count      int      `json:"count"`
	Disarmed   bool     `json:"disarmed"`
	Lists      []hit    `json:"warning_lists"`
	Known      []string `json:"known"` // UUIDs of events that the caller sees, newest first, the first few
	KnownCount int      `json:"known_count"`
}

type hit struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Matched  string `json:"matched"`
}

func candidateOf(c intel.Candidate) candidate {
	out := candidate{Type: c.Type, Value: c.Value, Also: orNull(c.Also), Category: c.Category, ToIDS: c.ToIDS, Start: c.Start, End: c.End,
		Count: c.Count, Disarmed: c.Disarmed, Lists: []hit{}, Known: []string{}, KnownCount: c.KnownCount}
	for _, h := range c.Hits {
		out.Lists = append(out.Lists, hit{h.Name, h.Category, h.Matched})
	}
	for _, e := range c.Known {
		out.Known = append(out.Known, e.UUID)
	}
	return out
}

// extract finds indicators in a text; nothing is written.
func (a *api) extract(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Text string `json:"text"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	list, more, err := a.s.Extract(r.Context(), web.Actor(r), in.Text)
	if err != nil {
		return err
	}
	out := struct {
		web.List[candidate]
		More bool `json:"more"` // there were too many, or the text was too long
	}{web.NewList(make([]candidate, len(list)), ""), more}
	for i, c := range list {
		out.Items[i] = candidateOf(c)
	}
	return web.JSON(w, http.StatusOK, out)
}
