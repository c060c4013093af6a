package intelweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/kernel/web"
)

// byUUID leads from an address that names an event, attribute or report by its number,
// as addresses did before, to the one with the UUID. Whoever may not see the thing
// learns as little there as here.
func (p *pages) byUUID(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		to := r.URL.Path
		for _, part := range [][2]string{{"id", "events"}, {"attribute", "attributes"}, {"report", "reports"}} { // the event first: what is said of nothing is the same each time
			name, seg := part[0], part[1]
			ref := r.PathValue(name)
			if _, err := strconv.ParseInt(ref, 10, 64); err != nil {
				continue
			}
			uuid, err := p.uuidOf(r, name, ref)
			if err != nil {
				return err
			}
			to = strings.Replace(to, "/"+seg+"/"+ref, "/"+seg+"/"+uuid, 1)
		}
		if to == r.URL.Path {
			return h(w, r)
		}
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		return web.Redirect(to, nil)
	}
}

func (p *pages) uuidOf(r *http.Request, name, ref string) (string, error) {
	switch name {
	case "attribute":
		a, err := p.s.Attribute(r.Context(), web.Actor(r), ref)
		return a.UUID, err
	case "report":
		x, _, err := p.s.Report(r.Context(), web.Actor(r), ref)
		return x.UUID, err
	}
	e, err := p.s.Event(r.Context(), web.Actor(r), ref)
	return e.UUID, err
}
