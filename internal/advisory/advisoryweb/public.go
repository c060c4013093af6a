package advisoryweb

import (
	"encoding/xml"
	"net/http"
	"time"

	"straza/internal/advisory"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Item is a warning as the public list shows it.
type Item struct {
	Href      string
	Severity  ui.Severity
	Title     string
	Lead      string
	Readers   string
	When      time.Time
	Withdrawn bool
}

type publicListPage struct {
	web.Page
	Items []Item
	Empty ui.Empty
	Pages *ui.Pagination
}

type keyset struct {
	Updated, ID int64
}

func (p *pages) listPublic(w http.ResponseWriter, r *http.Request) error {
	var k keyset
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &k); err != nil {
		return err
	}
	list, more, err := p.s.List(r.Context(), web.Actor(r), advisory.Filter{UpdatedBefore: k.Updated, IDBefore: k.ID})
	if err != nil {
		return err
	}
	page := &publicListPage{Page: web.NewPage(r, web.ShellPublic, web.T(r, "advisory.public.title"))}
	for _, a := range list {
		if a.State != advisory.Draft { // the team's own drafts stay in the console
			page.Items = append(page.Items, itemOf(r, a))
		}
	}
	page.Empty = ui.Empty{Icon: "sun", Title: web.T(r, "advisory.public.empty"), Text: web.T(r, "advisory.public.empty.text")}
	page.Pages = pagesOf(r, len(page.Items), list, more)
	return p.t.Render(w, r, "public_list", page)
}

func itemOf(r *http.Request, a advisory.Advisory) Item {
	l := web.Lang(r)
	return Item{Href: web.Path(r, "/warnings/"+a.Number), Severity: ui.Severity{Level: a.Level, Pill: true}, Title: a.Title.In(l), Lead: a.Lead.In(l),
		Readers: web.T(r, "advisory.readers."+a.Readers), When: clock.FromMicros(a.Published), Withdrawn: a.State == advisory.Withdrawn}
}

func pagesOf(r *http.Request, n int, list []advisory.Advisory, more bool) *ui.Pagination {
	pg := &ui.Pagination{From: min(1, n), To: n}
	if r.URL.Query().Get("cursor") != "" {
		pg.First, pg.From, pg.To = r.URL.Path, 0, 0
	}
	if more {
		last := list[len(list)-1]
		pg.Next = r.URL.Path + "?cursor=" + web.EncodeCursor(keyset{last.Updated, last.ID})
	}
	if pg.First == "" && pg.Next == "" {
		return nil
	}
	return pg
}

type publicPage struct {
	web.Page
	Item     Item
	Affects  string
	Steps    []string
	Body     []string
	Facts    ui.Facts
	Editions []edition
	Reason   string
	Report   ui.Button
	List     string
}

type edition struct {
	When time.Time
	Note string
}

func (p *pages) showPublic(w http.ResponseWriter, r *http.Request) error {
	a, eds, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	l := web.Lang(r)
	page := &publicPage{Page: web.NewPage(r, web.ShellPublic, a.Title.In(l)), Item: itemOf(r, a), Affects: a.Affects.In(l),
		Steps: advisory.Lines(a.Steps.In(l)), Body: advisory.Paragraphs(a.Body.In(l)), Reason: a.Reason,
		Report: ui.Button{Label: web.T(r, "advisory.report"), Href: web.Path(r, "/report"), After: "arrow-right"}, List: web.Path(r, "/warnings")}
	page.Print, page.Foot = "TLP:"+a.TLP, a.Number
	page.Facts = ui.Facts{Items: []ui.Fact{
		{Label: web.T(r, "advisory.number"), Value: a.Number},
		{Label: web.T(r, "advisory.edition"), Value: editionText(r, eds)},
		{Label: web.T(r, "advisory.tlp"), Value: ui.TLP(a.TLP)},
	}}
	for _, e := range eds {
		note := e.Note.In(l)
		if note == "" {
			note = web.T(r, "advisory.edition.first")
			if e.Edition > 1 {
				note = web.T(r, "advisory.edition.next")
			}
		}
		page.Editions = append(page.Editions, edition{clock.FromMicros(e.At), note})
	}
	return p.t.Render(w, r, "public_show", page)
}

func editionText(r *http.Request, eds []advisory.Edition) any {
	if len(eds) == 0 {
		return nil
	}
	return web.T(r, "advisory.edition.n", "n", eds[0].Edition)
}

// --- Atom (RFC 4287)

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Summary string   `xml:"summary"`
}

type atomLink struct {
	Href string `xml:"href,attr"`
}

func (p *pages) atom(w http.ResponseWriter, r *http.Request) error {
	list, err := p.s.InForce(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	l := web.Lang(r)
	base := web.Origin(r)
	feed := atomFeed{Lang: string(l), ID: base + "/atom/warnings", Title: web.T(r, "advisory.public.title"), Author: web.T(r, "advisory.author"),
		Updated: web.Now(r).UTC().Format(time.RFC3339)}
	for i, a := range list {
		when := clock.FromMicros(a.Updated).Format(time.RFC3339)
		if i == 0 {
			feed.Updated = when
		}
		feed.Entries = append(feed.Entries, atomEntry{ID: "urn:uuid:" + a.UUID, Title: a.Title.In(l), Updated: when,
			Link: atomLink{base + "/" + string(l) + "/warnings/" + a.Number}, Summary: a.Lead.In(l)})
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	if _, err := w.Write([]byte(xml.Header)); err != nil {
		return err
	}
	return xml.NewEncoder(w).Encode(feed)
}
