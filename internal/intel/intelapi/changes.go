package intelapi

import (
	"errors"
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
)

type fieldChange struct {
	Field string `json:"field"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

type change struct {
	Kind   string        `json:"kind"`
	Act    string        `json:"act"`
	ID     string        `json:"id"`
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Fields []fieldChange `json:"fields"`
	At     string        `json:"at"`
}

// answered is a change as machines read it: flags and levels in this interface's words.
func answered(c *intel.Change) change {
	out := change{c.Kind.String(), c.Act, c.UUID, c.Type, c.Title, make([]fieldChange, len(c.Fields)), micros(c.At)}
	for i, x := range c.Fields {
		out.Fields[i] = fieldChange{x.Name, value(x.Name, x.Was), value(x.Name, x.Is)}
	}
	return out
}

// value is a value of the journal in this interface's words.
func value(field, v string) string {
	n, err := strconv.Atoi(v)
	switch {
	case field == "to_ids" || field == "disable_correlation":
		return strconv.FormatBool(v != "")
	case err != nil:
		return v
	case field == "distribution":
		return distributions.of(n)
	case field == "threat":
		return threats.of(n)
	case field == "analysis":
		return analyses.of(n)
	}
	return v
}

var errFull = errors.New("the page is full")

// changes answers what became of an event between two moments; without "from" since the
// newest version, without "to" until now.
func (a *api) changes(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	n, err := web.PageSize(r, 100, 1000)
	if err != nil {
		return err
	}
	from, err := moment(r, "from")
	if err != nil {
		return err
	}
	to, err := moment(r, "to")
	if err != nil {
		return err
	}
	var q intel.Changes
	if to != nil {
		q.To = clock.Micros(*to)
	}
	versions, err := a.s.Versions(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if q.From = versions[0].At; from != nil {
		q.From = clock.Micros(*from)
	}
	if c := r.URL.Query().Get("cursor"); c != "" {
		if err := web.DecodeCursor(c, &q.After); err != nil {
			return err
		}
	}
	items, next := []change{}, ""
	var last intel.ChangeCursor
	err = a.s.Changes(r.Context(), web.Actor(r), id, q, func(c *intel.Change, at intel.ChangeCursor) error {
		if len(items) == n {
			next = web.EncodeCursor(last)
			return errFull
		}
		items, last = append(items, answered(c)), at
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return err
	}
	out := struct {
		web.List[change]
		Versions []standing `json:"versions"`
	}{web.NewList(items, next), make([]standing, len(versions))}
	for i, v := range versions {
		out.Versions[i] = standing{micros(v.At), v.Published}
	}
	return web.JSON(w, http.StatusOK, out)
}

type standing struct {
	At        string `json:"at"`
	Published bool   `json:"published"`
}
