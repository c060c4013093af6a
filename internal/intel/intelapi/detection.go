package intelapi

import (
	"context"
	"net/http"

	"straza/internal/craft/export/exportweb"
	"straza/internal/format/detect"
	"straza/internal/format/stix"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// detection streams the content that a program takes in, for machines that fetch it by a
// clock: the filters are those of the list of events, the rules those of the page. Half
// a file must not look whole: what breaks in the middle breaks the connection.
func (a *api) detection(w http.ResponseWriter, r *http.Request) error {
	f, ok := detect.Find(r.PathValue("format"))
	if !ok {
		return fault.New(fault.NotFound, "no format %q", r.PathValue("format"))
	}
	q, err := eventQuery(r)
	if err != nil {
		return err
	}
	yes := true
	q.IsPublished, q.Sort, q.Desc = &yes, "", false
	out := exportweb.New(w, r)
	return out.End(a.s.Moment(r.Context(), web.Actor(r), func(ctx context.Context) error {
		held, err := a.s.ExportExtent(ctx, web.Actor(r), q)
		if err != nil {
			return err
		}
		s := out.Begin(held, "indicators", f.Ext, f.Media+"; charset=utf-8")
		if f.Comment != "" {
			_, _ = out.Buffer().WriteString(s.Line(f.Comment)) // the error stays in the buffer
		}
		h := detect.Head{ID: stix.UUID("", web.RequestID(r)), Org: s.Installation, Origin: web.Origin(r), At: web.Now(r), Events: true, Whole: true}
		_, err = a.s.WriteDetection(ctx, web.Actor(r), out.Buffer(), f, h, intel.Detection{Query: q, Strict: true, Warned: r.URL.Query().Get("warned") == "true"})
		return err
	}))
}
