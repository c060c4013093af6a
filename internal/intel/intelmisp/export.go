package intelmisp

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"straza/internal/format/detect"
	"straza/internal/format/indicator"
	"straza/internal/format/rpz"
	"straza/internal/intel"
)

// rules is a search's answer in one of the formats of package detect.
type rules struct {
	w  detect.Writer
	it indicator.Item
}

// rules opens one. Settings of the format are parameters of the search.
func (s *search) rules(events bool) (*rules, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	h := detect.Head{ID: id, Org: s.a.host(s.c), Author: s.c.who.OrgName, UUID: s.a.UUID, Origin: s.a.Origin, At: now(s.c), Events: events, Param: s.c.params.text}
	w, err := s.f.rules.New(s.out, h)
	if errors.Is(err, rpz.ErrSettings) {
		return nil, fail(http.StatusBadRequest, "Invalid settings for the export format.")
	}
	if err != nil {
		return nil, err
	}
	return &rules{w: w}, nil
}

func (r *rules) begin() error { return nil }
func (r *rules) end() error   { return r.w.Close() }

func (r *rules) attribute(at *intel.Attribute) error {
	at.Indicator(&r.it)
	return r.w.Add(&r.it)
}

// host names whose installation this is.
func (a *api) host(c *call) string {
	if a.Host == nil {
		return "Straža"
	}
	return a.Host(c.ctx())
}

// newID is a random UUID for a document that is made now.
func newID() (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	h := hex.EncodeToString(id)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// openData answers with the description of a data set, as portals of open data take
// it: its title, its licence, and this very search as its resource. MISP sends it to
// a portal itself; we send nothing anywhere, a person does.
func (s *search) openData(scope string) error {
	setup := s.c.params.sub("setup")
	if _, ok := s.c.params["setup"].(map[string]any); !ok {
		return fail(http.StatusBadRequest, "opendata needs a setup with dataset and resource.")
	}
	dataset, resource := setup.sub("dataset"), setup.sub("resource")
	or := func(list ...string) string {
		for _, v := range list {
			if v != "" {
				return v
			}
		}
		return ""
	}
	s.open()
	b, err := marshal(ordered{{"dataset", ordered{{"title", or(dataset.text("title"), s.a.host(s.c)+" "+scope)}, {"description", dataset.text("description")},
		{"license", dataset.text("license")}, {"frequency", or(dataset.text("frequency"), "unknown")}, {"tags", append([]string{}, dataset.list("tags")...)}}},
		{"resource", ordered{{"title", or(resource.text("title"), scope)}, {"type", "api"}, {"filetype", "remote"}, {"format", or(resource.text("format"), "json")},
			{"url", s.a.Origin + "/" + scope + "/restSearch"}, {"search", searchOf(s.c.params)}}}})
	if err != nil {
		return err
	}
	_, err = s.out.Write(b)
	return s.end(err)
}

// searchOf is a search's body without what only this format reads.
func searchOf(p params) params {
	out := params{}
	for k, v := range p {
		if k != "setup" && k != "returnFormat" && !strings.HasPrefix(k, "_") {
			out[k] = v
		}
	}
	return out
}
