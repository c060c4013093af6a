package registryweb

import (
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type showPage struct {
	web.Page
	Header  ui.Header
	Closed  *ui.Note // why the details are not here
	Facts   ui.Facts
	Note    string
	Remarks []remarkRow
	Who     ui.Facts // who sees it
	Merges  []mergeRow
	Rules   *rulesPanel // of a CERT
	Act     *actForm    // withdraw or restore
	Version int64
}

// mergeRow is one merge into the organisation.
type mergeRow struct {
	Text      string
	At, Until time.Time
	Undo      string // address of the act; "" = not for this person, or not any more
	Undone    bool
}

// rulesPanel says whom a CERT looks after.
type rulesPanel struct {
	Rules  []string
	Change string // address of the form, "" for who may not
}

type actForm struct {
	Action string
	Title  string
	Text   string
	Button ui.Button
}

// header is the head of every page of one organisation, with its tabs.
func (p *pages) header(r *http.Request, o registry.Organisation, here string) ui.Header {
	l, at := web.Lang(r), room(r)+"/"+o.UUID
	h := ui.Header{Title: o.Label(l), Sub: []any{p.s.Lists(r.Context(), web.Actor(r)).Kinds.Label(o.Kind, l)}}
	if o.Host {
		h.Marks = append(h.Marks, ui.Tag{Word: web.T(r, "registry.host"), Icon: "home"})
	}
	if o.State != registry.Active {
		h.Marks = append(h.Marks, ui.State{Kind: ui.StateRefused, Word: web.T(r, "registry.state."+string(o.State))})
	}
	if o.RegistrationNo != "" {
		h.Sub = append(h.Sub, ui.Machine(o.RegistrationNo))
	}
	if o.Details {
		h.Tabs = &ui.Tabs{Label: web.T(r, "registry.parts")}
		for _, t := range []string{"", "contacts", "resources", "assets", "history"} {
			tab := ui.Tab{Label: web.T(r, "registry.tab."+t), Href: at, Here: t == here}
			if t != "" {
				tab.Href += "/" + t
			} else {
				tab.Label = web.T(r, "registry.tab.overview")
			}
			h.Tabs.Items = append(h.Tabs.Items, tab)
		}
	}
	who := web.Actor(r)
	if o.State == registry.Merged {
		return h
	}
	if !registry.Keeps(who, o) { // another CERT's to write
		return h
	}
	if access.Allowed(who, "registry.merge") && o.State == registry.Active && o.Details {
		h.Acts = append(h.Acts, ui.Button{Label: web.T(r, "registry.merge"), Icon: "git-merge", Href: at + "/merge", Variant: "tertiary", Key: "M"})
	}
	if access.Allowed(who, "registry.write") {
		h.Acts = append(h.Acts, ui.Button{Label: web.T(r, "registry.edit"), Icon: "pencil", Href: at + "/edit", Variant: "secondary", Key: "E"})
	}
	return h
}

func crumbs(r *http.Request, o registry.Organisation) []ui.Crumb {
	return []ui.Crumb{{Label: web.T(r, "registry.title"), Href: room(r)}, {Label: o.Label(web.Lang(r))}}
}

// printLabel is on every sheet of an organisation's record: who answers for it, and how
// they are reached, is for those who need it.
const printLabel = "TLP:AMBER"

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	page := &showPage{Page: web.NewPage(r, web.ShellConsole, o.Label(web.Lang(r))), Note: o.Note, Version: o.Version}
	page.Print, page.Foot = printLabel, o.Label(web.Lang(r))
	page.Crumbs, page.Header = crumbs(r, o), p.header(r, o, "")
	page.Facts = p.facts(r, o)
	page.Who = ui.Facts{Items: []ui.Fact{
		{Label: web.T(r, "registry.card"), Value: web.T(r, "registry.sees.card."+string(o.Disclosure)), Wide: true},
		{Label: web.T(r, "registry.details"), Value: web.T(r, "registry.sees.details."+string(o.Disclosure)), Wide: true}}}
	if !o.Details {
		page.Closed = &ui.Note{Kind: "info", Body: web.T(r, "registry.closed")}
		return p.t.Render(w, r, "show", page)
	}
	if page.Merges, err = p.mergeRows(r, o); err != nil {
		return err
	}
	if page.Remarks, err = p.remarks(r, place{home: room(r) + "/" + o.UUID, org: o}); err != nil {
		return err
	}
	if o.Kind == registry.KindCERT && o.Local {
		rules, err := p.s.ConstituencyOf(r.Context(), web.Actor(r), o.UUID)
		if err != nil {
			return err
		}
		page.Rules = &rulesPanel{}
		for _, x := range rules {
			page.Rules.Rules = append(page.Rules.Rules, p.ruleWords(r, x))
		}
		if access.Allowed(web.Actor(r), "registry.merge") {
			page.Rules.Change = room(r) + "/" + o.UUID + "/constituency"
		}
	}
	page.Act = act(r, o)
	return p.t.Render(w, r, "show", page)
}

// facts are the card, and how fresh the contacts are where that may be known.
func (p *pages) facts(r *http.Request, o registry.Organisation) ui.Facts {
	l, lists := web.Lang(r), p.s.Lists(r.Context(), web.Actor(r))
	f := ui.Facts{}
	add := func(key string, v any) {
		if v != "" && v != ui.Machine("") { // what is not known takes no line
			f.Items = append(f.Items, ui.Fact{Label: web.T(r, key), Value: v})
		}
	}
	add("registry.kind", lists.Kinds.Label(o.Kind, l))
	add("registry.sector", lists.Sectors.Label(o.Sector, l))
	add("registry.registration", ui.Machine(o.RegistrationNo))
	add("registry.tax", ui.Machine(o.TaxNo))
	add("registry.seat", o.Seat)
	add("registry.country", ui.Machine(o.Country))
	add("registry.website", ui.Machine(o.Website))
	add("registry.cert", o.CERTName)
	for _, lang := range i18n.Langs {
		if n := o.Names[lang]; n != o.Name {
			add("registry.also", n)
		}
	}
	add("registry.alias", strings.Join(o.Aliases, ", "))
	if o.Details {
		add("registry.contacts", freshness(r, "", o.Contacts.Freshness))
	}
	add("registry.entered", o.Created)
	add("registry.changed", o.Updated)
	return f
}

func act(r *http.Request, o registry.Organisation) *actForm {
	if !access.Allowed(web.Actor(r), "registry.write") || !registry.Keeps(web.Actor(r), o) || o.Host || o.State == registry.Merged {
		return nil
	}
	if o.State == registry.Withdrawn {
		return &actForm{Action: room(r) + "/" + o.UUID + "/restore", Title: web.T(r, "registry.restore"), Text: web.T(r, "registry.restore.text"),
			Button: ui.Button{Label: web.T(r, "registry.restore.act"), Icon: "arrow-back-up", Variant: "secondary"}}
	}
	return &actForm{Action: room(r) + "/" + o.UUID + "/withdraw", Title: web.T(r, "registry.withdraw"), Text: web.T(r, "registry.withdraw.text"),
		Button: ui.Button{Label: web.T(r, "registry.withdraw.act"), Icon: "archive", Variant: "secondary"}}
}

func (p *pages) withdraw(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := p.s.Withdraw(r.Context(), web.Actor(r), id, f.Int("version")); err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.withdrawn").WithUndo(room(r)+"/"+id+"/restore"))
}

func (p *pages) restore(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := p.s.Restore(r.Context(), web.Actor(r), id, f.Int("version")); err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.restored"))
}

type historyPage struct {
	web.Page
	Header   ui.Header
	Timeline ui.Timeline
	More     string
}

const historyRows = 50

func (p *pages) history(w http.ResponseWriter, r *http.Request) error {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	var before int64
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &before); err != nil {
		return err
	}
	list, err := p.s.History(r.Context(), web.Actor(r), o.UUID, before, historyRows)
	if err != nil {
		return err
	}
	page := &historyPage{Page: web.NewPage(r, web.ShellConsole, o.Label(web.Lang(r)))}
	page.Crumbs, page.Header = crumbs(r, o), p.header(r, o, "history")
	for _, c := range list {
		m := ui.Moment{Icon: actIcon(c.Act), Title: web.T(r, "registry.act."+c.Act), At: c.At, By: c.Actor}
		for _, f := range c.Fields {
			m.Detail = append(m.Detail, p.fieldWords(r, f))
		}
		page.Timeline.Items = append(page.Timeline.Items, m)
	}
	page.Timeline.Empty = &ui.Empty{Icon: "history", Title: web.T(r, "registry.history.end")}
	if len(list) == historyRows {
		page.More = room(r) + "/" + o.UUID + "/history?cursor=" + web.EncodeCursor(list[historyRows-1].ID)
	}
	return p.t.Render(w, r, "history", page)
}

var actIcons = map[string]string{"add": "plus", "meet": "plus", "change": "pencil", "withdraw": "archive", "restore": "arrow-back-up",
	"merge": "git-merge", "take-in": "git-merge", "unmerge": "arrows-split", "let-go": "arrows-split", "constituency": "users-group",
	"contact-confirm": "circle-check", "contact-ask": "mail", "contact-refute": "alert-triangle", "remark-settle": "check", "remark-reopen": "arrow-back-up", "contact-bounce": "alert-triangle"}

func actIcon(act string) string {
	if icon, ok := actIcons[act]; ok {
		return icon
	}
	return "edit"
}

// fieldWords says what became of a field: codes by their names, empty as empty.
func (p *pages) fieldWords(r *http.Request, f registry.Field) string {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	word := func(v string) string {
		switch {
		case f.Name == "kind" && lists.Kinds.Has(v):
			return lists.Kinds.Label(v, l)
		case f.Name == "kind" && lists.Contacts.Has(v):
			return lists.Contacts.Label(v, l)
		case f.Name == "kind" && lists.Assets.Has(v):
			return lists.Assets.Label(v, l)
		case f.Name == "criticality" && v != "":
			return web.T(r, "registry.asset.level."+v)
		case f.Name == "sector":
			return lists.Sectors.Label(v, l)
		case f.Name == "state" && v != "":
			return web.T(r, "registry.state."+v)
		case f.Name == "lang" && v != "":
			return web.T(r, "registry.lang."+v)
		case f.Name == "disclosure" && v != "":
			return web.T(r, "registry.disclosure."+v)
		}
		return v
	}
	name, from, to := web.T(r, "registry.field."+f.Name), word(f.From), word(f.To)
	switch {
	case from == "" || from == to: // the second: which part it was
		return web.T(r, "registry.became", "field", name, "to", to)
	case to == "":
		return web.T(r, "registry.emptied", "field", name, "from", from)
	}
	return web.T(r, "registry.turned", "field", name, "from", from, "to", to)
}
