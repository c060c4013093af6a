package admin

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/pack"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

const (
	packsAt    = "/administration/packs"
	packsShown = 50
)

func packAt(it pack.Item) string { return fmt.Sprintf("%s/%s/%d", packsAt, it.Name, it.Version) }

// packs lists what law, terms, lists, forms and texts are in force and where they come from.
func (p *pages) packs(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Packs.List(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	page := newList(r, "packs")
	if access.Allowed(web.Actor(r), "admin.settings") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "admin.packs.new"), Icon: "plus", Href: packsAt + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: web.T(r, "admin.packs"), Columns: []ui.Column{{Label: web.T(r, "admin.packs.pack")}, {Label: web.T(r, "admin.state"), Width: "mark"},
		{Label: web.T(r, "admin.packs.days"), Width: "mark", Drop: 1}, {Label: web.T(r, "admin.packs.source"), Drop: 2}},
		Empty: &ui.Empty{Icon: "book", Title: web.T(r, "admin.packs.empty")}}
	for _, it := range list {
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: packAt(it), Off: it.Withdrawn, Cells: []any{
			ui.Name{Text: packTitle(r, it), Href: packAt(it), Sub: []any{ui.Machine(it.Name), web.T(r, "admin.packs.version", "n", it.Version)}},
			packState(r, it), packDays(r, it), it.Source}})
	}
	if page.Pages, err = web.ReadFilters(r).Page(&page.Table, packsShown); err != nil {
		return err
	}
	return p.t.Render(w, r, "packs", page)
}

// packTitle says in words what a pack is about; one that has no words yet is its name.
func packTitle(r *http.Request, it pack.Item) string {
	switch it.Name {
	case "intake.report", "intake.terms", "intake.classes", "intake.severity", "intel.communities", "registry.kinds", "registry.sectors", "registry.contacts", "registry.assets", "site.pages", "site.lessons":
		return web.T(r, "admin.pack."+it.Name)
	}
	return it.Name
}

func packState(r *http.Request, it pack.Item) ui.State {
	today := clock.System().Now().In(i18n.Belgrade).Format(time.DateOnly)
	switch {
	case it.Withdrawn:
		return ui.State{Kind: ui.StateRefused, Word: web.T(r, "admin.packs.withdrawn")}
	case it.InForce:
		return ui.State{Kind: ui.StateDone, Word: web.T(r, "admin.packs.inforce")}
	case it.From > today:
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "admin.packs.coming")}
	}
	return ui.State{Kind: ui.StateAck, Word: web.T(r, "admin.packs.past")}
}

func packDays(r *http.Request, it pack.Item) string {
	say := func(day string) string {
		t, _ := time.Parse(time.DateOnly, day)
		return i18n.Date(web.Lang(r), t)
	}
	if it.Until == "" {
		return web.T(r, "admin.packs.since", "from", say(it.From))
	}
	return web.T(r, "admin.packs.between", "from", say(it.From), "until", say(it.Until))
}

type packPage struct {
	web.Page
	Header ui.Header
	Facts  ui.Facts
	Text   string
	Acts   ui.Acts
}

func (p *pages) packOf(r *http.Request) (pack.Item, error) {
	n, err := strconv.Atoi(r.PathValue("version"))
	if err != nil {
		return pack.Item{}, fault.New(fault.NotFound, "version %q", r.PathValue("version"))
	}
	return p.d.Packs.Get(r.Context(), web.Actor(r), r.PathValue("name"), n)
}

func (p *pages) pack(w http.ResponseWriter, r *http.Request) error {
	it, err := p.packOf(r)
	if err != nil {
		return err
	}
	title := packTitle(r, it)
	page := &packPage{Page: web.NewPage(r, web.ShellConsole, title), Text: it.Text, Acts: ui.Acts{Form: "pack"},
		Header: ui.Header{Title: title, Number: it.Name, Sub: []any{web.T(r, "admin.packs.version", "n", it.Version)}, Marks: []any{packState(r, it)}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "admin.packs"), Href: packsAt}, {Label: title}}
	origin := web.T(r, "admin.packs.origin.here")
	if it.Own {
		origin = web.T(r, "admin.packs.origin.program")
	}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "admin.packs.days"), Value: packDays(r, it)}, {Label: web.T(r, "admin.packs.origin"), Value: origin},
		{Label: web.T(r, "admin.packs.source"), Value: it.Source, Wide: true}, {Label: web.T(r, "admin.packs.added"), Value: it.Added},
		{Label: "SHA-256", Value: ui.Machine(it.Sum), Wide: true}}
	page.Header.Acts = []ui.Button{{Label: web.T(r, "admin.packs.download"), Icon: "download", Href: packAt(it) + "/file", Variant: "secondary"}}
	if access.Allowed(web.Actor(r), "admin.settings") {
		act := ui.Button{Label: web.T(r, "admin.packs.withdraw"), Action: packAt(it) + "/withdraw", Variant: "secondary"}
		if it.Withdrawn {
			act = ui.Button{Label: web.T(r, "admin.packs.restore"), Action: packAt(it) + "/restore", Variant: "secondary"}
		}
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "admin.packs.edit"), Icon: "pencil", Key: "E",
			Href: fmt.Sprintf("%s/new?name=%s&version=%d", packsAt, it.Name, it.Version)})
		page.Acts.Items = []ui.Button{act}
	}
	return p.t.Render(w, r, "pack", page)
}

func (p *pages) packFile(w http.ResponseWriter, r *http.Request) error {
	it, err := p.packOf(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	web.Download(w, fmt.Sprintf("%s-%d.yaml", it.Name, it.Version))
	_, err = io.WriteString(w, it.Text)
	return err
}

func (p *pages) changePack(_ http.ResponseWriter, r *http.Request) error {
	it, err := p.packOf(r)
	if err != nil {
		return err
	}
	back := "restore"
	switch r.PathValue("act") {
	case "withdraw":
		err = p.d.Packs.Withdraw(r.Context(), web.Actor(r), it.Name, it.Version)
	case "restore":
		back, err = "withdraw", p.d.Packs.Restore(r.Context(), web.Actor(r), it.Name, it.Version)
	default:
		return fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	if e := fault.Of(err); e != nil && e.Kind == fault.Invalid { // a room could not work without it: say which
		return fault.New(fault.Conflict, "%s", e.Detail).WithKey(e.Fields["text"], e.Args...)
	}
	if err != nil {
		return err
	}
	return web.Redirect(packAt(it), web.Done("admin.packs.done."+r.PathValue("act")).WithUndo(packAt(it)+"/"+back))
}

type packForm struct {
	web.Page
	Header ui.Header
	Text   ui.Field
	Cancel ui.Button
}

var versionLine = regexp.MustCompile(`(?m)^version:\s*(\d+)\s*$`)
var fromLine = regexp.MustCompile(`(?m)^from:.*$`)

// nextVersion is the text of a pack with the next number and today as its first day.
func nextVersion(text string, highest int, today string) string {
	text = versionLine.ReplaceAllString(text, "version: "+strconv.Itoa(highest+1))
	return fromLine.ReplaceAllString(text, "from: "+today)
}

func (p *pages) packForm(r *http.Request, f *web.Form) *packForm {
	title := web.T(r, "admin.packs.new")
	page := &packForm{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Text: f.Field("text", "admin.packs.text"),
		Cancel: ui.Button{Label: web.T(r, "admin.cancel"), Href: packsAt, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "admin.packs"), Href: packsAt}, {Label: title}}
	page.Text.Type, page.Text.Rows, page.Text.Mono, page.Text.Hint = "textarea", 32, true, web.T(r, "admin.packs.text.hint")
	return page
}

// newPack shows the text of a version to change, or an empty frame.
func (p *pages) newPack(w http.ResponseWriter, r *http.Request) error {
	page := p.packForm(r, web.NewForm(r, nil))
	today := clock.System().Now().In(i18n.Belgrade).Format(time.DateOnly)
	page.Text.Value = "pack: \nversion: 1\nfrom: " + today + "\nsource: \nbody:\n"
	if name := r.URL.Query().Get("name"); name != "" {
		n, _ := strconv.Atoi(r.URL.Query().Get("version"))
		it, err := p.d.Packs.Get(r.Context(), web.Actor(r), name, n)
		if err != nil {
			return err
		}
		all, err := p.d.Packs.List(r.Context(), web.Actor(r))
		if err != nil {
			return err
		}
		highest := 0
		for _, x := range all {
			if x.Name == name {
				highest = max(highest, x.Version)
			}
		}
		page.Text.Value = nextVersion(it.Text, highest, today)
	}
	return p.t.Render(w, r, "packform", page)
}

func (p *pages) addPack(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(f.Values.Get("text"), "\r\n", "\n")
	it, err := p.d.Packs.Add(r.Context(), web.Actor(r), "pack.yaml", []byte(text))
	if f.Fail(err) {
		page := p.packForm(r, f)
		page.Errors = f.Summary("text")
		return p.t.Invalid(w, r, "packform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(packAt(it), web.Done("admin.packs.done.add").WithUndo(packAt(it)+"/withdraw"))
}
