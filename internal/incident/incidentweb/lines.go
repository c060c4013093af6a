package incidentweb

import (
	"net/http"
	"net/url"
	"slices"

	"straza/internal/incident"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Lines of the timeline on one page, and with ?lines=1000, for printing.
const (
	fewLines  = 100
	manyLines = 1000
)

// linesOf reads which part of the timeline the address asks for: ?kind=, ?lines=1000 and
// ?before=, which continues; what is no address of ours asks for the beginning.
func linesOf(r *http.Request) incident.Lines {
	q := r.URL.Query()
	l := incident.Lines{Limit: fewLines}
	if slices.Contains(incident.EntryKinds, q.Get("kind")) {
		l.Kind = q.Get("kind")
	}
	if q.Get("lines") == "1000" {
		l.Limit = manyLines
	}
	var k keyset
	if web.DecodeCursor(q.Get("before"), &k) == nil {
		l.Happened, l.ID = k.Key, k.ID
	}
	return l
}

func allLines(x *incident.File) (n int64) {
	for _, k := range x.Lines {
		n += k
	}
	return n
}

// pageLines puts the ways through a long timeline under it: its kinds, what is earlier,
// and back to the last line.
func pageLines(r *http.Request, page *casePage, x *incident.File) {
	l := linesOf(r)
	to := func(set map[string]string) string {
		v := url.Values{}
		for _, name := range []string{"list", "party", "kind", "lines"} {
			if s := r.URL.Query().Get(name); s != "" {
				v.Set(name, s)
			}
		}
		for name, s := range set {
			v.Del(name)
			if s != "" {
				v.Set(name, s)
			}
		}
		if len(v) == 0 {
			return page.At + "#timeline"
		}
		return page.At + "?" + v.Encode() + "#timeline"
	}
	if page.Lines = allLines(x); len(x.Lines) > 1 || l.Kind != "" {
		page.Kinds = []ui.Tab{{Label: web.T(r, "incident.timeline.all"), Href: to(map[string]string{"kind": ""}), Count: i18n.Number(web.Lang(r), page.Lines), Here: l.Kind == ""}}
		for _, k := range incident.EntryKinds {
			if n := x.Lines[k]; n > 0 || k == l.Kind {
				page.Kinds = append(page.Kinds, ui.Tab{Label: web.T(r, "incident.entry."+k), Href: to(map[string]string{"kind": k}), Count: i18n.Number(web.Lang(r), n), Here: l.Kind == k})
			}
		}
	}
	p := &ui.Pagination{Words: [2]string{web.T(r, "incident.timeline.last"), web.T(r, "incident.timeline.earlier")}}
	if r.URL.Query().Get("before") != "" {
		p.First = to(nil)
	} else if x.Earlier {
		p.From, p.To, p.Total = 1, len(x.Entries), page.Lines
		if l.Kind != "" {
			p.Total = x.Lines[l.Kind]
		}
	}
	if x.Earlier {
		last := x.Entries[len(x.Entries)-1]
		p.Next = to(map[string]string{"before": web.EncodeCursor(keyset{last.Happened, last.ID})})
		if l.Limit == fewLines {
			p.More = []ui.Button{{Label: web.T(r, "incident.timeline.many"), Href: to(map[string]string{"lines": "1000"})}}
		}
	}
	page.Paging = p
}
