package desk

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/craft/thread"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type threadsPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

func (p *pages) threads(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r, web.FilterSpec{Name: "unread", Label: web.T(r, "desk.threads.which"), Options: []ui.Option{{Value: "1", Label: web.T(r, "desk.threads.unread")}}},
		web.Sorted(thread.Sorts...))
	filter := thread.Filter{Unread: f.Get("unread") == "1", Query: f.Get("q"), Sort: f.Get("sort")}
	if r.URL.Query().Get("format") == "csv" {
		return p.exportThreads(w, r, filter)
	}
	var at thread.Page
	if err := web.DecodeCursor(f.Cursor(), &at); err != nil {
		return err
	}
	list, more, err := p.d.Cases.Correspondence(r.Context(), web.Actor(r), filter, at)
	if err != nil {
		return err
	}
	n, beyond, err := p.d.Cases.CountThreads(r.Context(), web.Actor(r), filter)
	if err != nil {
		return err
	}
	title := web.T(r, "desk.threads")
	page := &threadsPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title},
		Bar: f.Bar(web.T(r, "desk.threads.search"), exportweb.Offer(r, f.With("format", "csv"), n, beyond)...)}
	page.Table = threadTable(r, f, list)
	next := ""
	if more {
		next = web.EncodeCursor(list[len(list)-1].Keys(filter.Sort))
	}
	if beyond {
		n = 0
	}
	page.Pages = f.Pages(len(list), n, next)
	return p.t.Render(w, r, "threads", page)
}

func threadTable(r *http.Request, f *web.Filters, list []thread.Thread) ui.Table {
	t := ui.Table{Caption: web.T(r, "desk.threads"), Columns: []ui.Column{{Label: web.T(r, "desk.party")}, f.Sort(web.T(r, "desk.threads.new"), "unread").Sized("mark", 0),
		f.SortDefault(web.T(r, "desk.threads.last"), "-last").Sized("mark", 0)},
		Empty: &ui.Empty{Icon: "mailbox", Title: web.T(r, "desk.threads.empty"), Text: web.T(r, "desk.threads.empty.text")}}
	if f.Active() {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "desk.threads.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: "/console/threads", Variant: "secondary"}}}
	}
	for _, x := range list {
		href := "/console/cases/" + x.Number + "?party=" + x.Ref + "#threads"
		var unread any = "–"
		if x.Unread > 0 {
			unread = ui.Tag{Word: web.T(r, "desk.threads.n", "n", x.Unread), Icon: "mail"}
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: x.Party, Href: href, Sub: []any{x.Number}}, unread, clock.FromMicros(x.Last)}})
	}
	return t
}

// exportThreads streams who is written with, and since when: no message and no address.
func (p *pages) exportThreads(w http.ResponseWriter, r *http.Request, filter thread.Filter) error {
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "threads", "case", "party", "language", "tlp", "unread", "opened", "last", "closed")
		return nil
	}
	err := p.d.Cases.ExportThreads(r.Context(), web.Actor(r), filter, begin, func(t thread.Thread, label string) error {
		return c.Row(export.Level(label), t.Number, t.Party, t.Lang, "TLP:"+label, strconv.FormatInt(t.Unread, 10), moment(t.Opened), moment(t.Last), moment(t.Closed))
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

func moment(us int64) string {
	if us == 0 {
		return ""
	}
	return clock.FromMicros(us).Format(time.RFC3339)
}
