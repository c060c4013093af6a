package intelapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

type collection struct {
	ID          string   `json:"id"`
	Alias       string   `json:"alias"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	TLP         string   `json:"tlp"`
	Types       []string `json:"types"`
}

func (a *api) collections(w http.ResponseWriter, r *http.Request) error {
	list, err := a.s.Collections(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	items := []collection{}
	for _, c := range list {
		if d := c.Definition; d != nil {
			items = append(items, collection{d.UUID, d.Alias, d.Title, d.Description, d.Ceiling.Label(), append([]string{}, d.Types...)})
		}
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, ""))
}

// news is one thing that happened; object is there when the collection holds it.
type news struct {
	Event   string          `json:"event"`
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Version string          `json:"version"`
	At      string          `json:"at"`
	Object  json.RawMessage `json:"object"`
}

func newsOf(c *intel.News) news {
	object := json.RawMessage(c.JSON)
	if object == nil {
		object = json.RawMessage("null")
	}
	return news{string(c.Kind), c.ID, c.Type, c.Version, clock.FromMicros(c.At).UTC().Format("2006-01-02T15:04:05.000000Z"), object}
}

// followed reads what a request for changes asks: the collection, the filter, the mark.
func (a *api) followed(r *http.Request, since string) (c intel.Collection, f intel.NewsFilter, m intel.Mark, err error) {
	if c, err = a.s.ReadableCollection(r.Context(), web.Actor(r), r.PathValue("collection")); err != nil {
		return c, f, m, err
	}
	f = intel.NewsFilter{Types: commas(r, "type"), Detects: commas(r, "detects")}
	if since == "now" {
		m, err = a.s.LatestMark(r.Context(), web.Actor(r), c, f)
		return c, f, m, err
	}
	if web.DecodeCursor(since, &m) != nil || since != "" && m.Collection == "" {
		err = fault.Field("since", "intel.fault.since", "the mark is not one of ours")
	}
	return c, f, m, err
}

func commas(r *http.Request, name string) (out []string) {
	for s := range strings.SplitSeq(r.URL.Query().Get(name), ",") {
		if s != "" && len(out) < 100 {
			out = append(out, s)
		}
	}
	return out
}

// changes is the plain form: a page of what happened since a mark.
func (a *api) news(w http.ResponseWriter, r *http.Request) error {
	n, err := web.PageSize(r, 100, 500)
	if err != nil {
		return err
	}
	c, f, m, err := a.followed(r, r.URL.Query().Get("since"))
	if err != nil {
		return err
	}
	p, err := a.s.ReadChanges(r.Context(), web.Actor(r), c, f, m, n)
	if err != nil {
		return err
	}
	out := struct {
		Items []news  `json:"items"`
		Next  *string `json:"next"`
		Since string  `json:"since"`
	}{Items: []news{}, Since: web.EncodeCursor(p.Next)}
	for i := range p.List {
		out.Items = append(out.Items, newsOf(&p.List[i]))
	}
	if p.More {
		out.Next = &out.Since
	}
	return web.JSON(w, http.StatusOK, out)
}

// Terms of a stream. A reader that takes nothing for writeTime is cut off; it comes back
// with Last-Event-ID and misses nothing.
const (
	beat      = 15 * time.Second
	writeTime = 10 * time.Second
)

// follow is the same as server-sent events, kept open.
func (a *api) follow(w http.ResponseWriter, r *http.Request) error {
	since := r.Header.Get("Last-Event-ID")
	if since == "" {
		since = r.URL.Query().Get("since")
	}
	c, f, m, err := a.followed(r, since)
	if err != nil {
		return err
	}
	s := &stream{w: w, rc: http.NewResponseController(w)}
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTime))
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")           // a proxy in between must not gather
	h.Set(gzhttp.HeaderNoCompression, "plain") // a compressor for each of thousands is their whole memory
	err = a.s.Follow(r.Context(), web.Actor(r), intel.Following{Collection: c, Filter: f, From: m, Beat: beat,
		Again: func(context.Context) (ident.Actor, error) { return web.Still(r) }}, s.give)
	if !s.begun && err != nil {
		h.Del("Content-Type")
		h.Del(gzhttp.HeaderNoCompression)
		return err
	}
	return nil // half a stream is what a stream is; the client comes back
}

// stream writes events. Nothing is gathered but what one page is.
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	begun bool
	buf   []byte
}

// give writes a page and the mark behind it; an empty one keeps the line open.
func (s *stream) give(p intel.NewsPage, again bool) error {
	s.buf = s.buf[:0]
	if !s.begun {
		s.buf = append(s.buf, "retry: 3000\n\n"...)
	}
	if again {
		s.buf = append(s.buf, "id:\nevent: reset\ndata: {}\n\n"...) // an empty id: whoever comes back begins anew
	}
	for i := range p.List {
		c := &p.List[i]
		data, err := json.Marshal(newsOf(c))
		if err != nil {
			return err
		}
		s.buf = append(s.buf, "id: "+web.EncodeCursor(c.Next)+"\nevent: "+string(c.Kind)+"\ndata: "...)
		s.buf = append(append(s.buf, data...), "\n\n"...)
	}
	if len(p.List) == 0 && !again {
		s.buf = append(s.buf, ": "...)
		if p.Next.Collection != "" {
			s.buf = append(s.buf, "\nid: "+web.EncodeCursor(p.Next)...)
		}
		s.buf = append(s.buf, "\n\n"...)
	}
	s.begun = true
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := s.w.Write(s.buf); err != nil {
		return err
	}
	if cap(s.buf) > 64<<10 {
		s.buf = nil
	}
	return s.rc.Flush()
}
