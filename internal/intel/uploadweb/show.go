package uploadweb

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/upload"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type showPage struct {
	web.Page
	Header  ui.Header
	At      string
	Notes   []ui.Note
	Working *ui.Progress
	Again   *ui.Button // looks whether the job has ended
	Facts   ui.Facts
	Heads   ui.Table
	More    string // that there are more than are listed
	Reasons ui.Table
	Reach   ui.Table
	Fields  []ui.Field
	Buttons []ui.Button
	Drop    *ui.Button
	Result  *ui.Facts
	Refused ui.Table
	Brought ui.Table
	Sure    *ui.Field // before taking back
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	page, err := p.page(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "import", page)
}

func (p *pages) page(r *http.Request, f *web.Form) (*showPage, error) {
	u, err := p.d.Uploads.Upload(r.Context(), web.Actor(r), r.PathValue("upload"))
	if err != nil {
		return nil, err
	}
	title := nameOf(r, &u)
	page := &showPage{Page: web.NewPage(r, shell(r), title), At: base(r) + "/" + u.UUID, Header: ui.Header{Title: title, Marks: []any{stateOf(r, &u)}, Sub: []any{ui.Machine(strings.ToUpper(u.Format)), i18n.Bytes(web.Lang(r), u.Size), clock.FromMicros(u.Created)}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "uploads.events"), Href: events(r)}, {Label: web.T(r, "uploads.title"), Href: base(r)}, {Label: title}}
	switch u.State {
	case upload.Reading, upload.Importing:
		p.working(r, page, &u)
	case upload.Broken:
		page.Notes = append(page.Notes, ui.Note{Kind: "danger", Title: web.T(r, u.Found.Fault), Body: brokenBody(r, &u)})
	case upload.Done, upload.Undone:
		if err := p.result(r, page, &u); err != nil {
			return nil, err
		}
	}
	if u.State == upload.Read || u.State == upload.Reading || u.State == upload.Broken {
		page.Drop = &ui.Button{Label: web.T(r, "uploads.drop"), Icon: "trash", Action: page.At + "/drop", Variant: "tertiary"}
	}
	if u.Found.Events > 0 && u.State != upload.Broken {
		p.found(r, page, &u)
	}
	if u.State == upload.Read {
		err = p.choices(r, f, page, &u)
	}
	return page, err
}

func brokenBody(r *http.Request, u *upload.Upload) any {
	switch {
	case u.Found.Fault == "intel.fault.file.right":
		return web.T(r, "uploads.broken.right")
	case u.Found.Detail == "":
		return web.T(r, "uploads.broken.nothing")
	}
	return ui.Machine(u.Found.Detail)
}

// working shows a job that runs; the page is looked at again by hand, without scripts.
func (p *pages) working(r *http.Request, page *showPage, u *upload.Upload) {
	page.Again = &ui.Button{Label: web.T(r, "uploads.again"), Icon: "refresh", Href: page.At, Variant: "secondary"}
	if u.State == upload.Reading {
		page.Notes = append(page.Notes, ui.Note{Kind: "info", Title: web.T(r, "uploads.reading"), Body: web.T(r, "uploads.reading.text")})
		return
	}
	page.Notes = append(page.Notes, ui.Note{Kind: "info", Title: web.T(r, "uploads.importing"), Body: web.T(r, "uploads.importing.text")})
	page.Working = &ui.Progress{Percent: int(100 * u.Events / max(1, u.Found.Events)), Label: web.T(r, "uploads.progress", "n", u.Events, "all", u.Found.Events)}
}

func count(r *http.Request, key string, n int64) ui.Fact {
	return ui.Fact{Label: web.T(r, key), Value: n}
}

// found shows what is in a file.
func (p *pages) found(r *http.Request, page *showPage, u *upload.Upload) {
	x := &u.Found
	page.Facts.Items = []ui.Fact{count(r, "uploads.n", x.Events), count(r, "uploads.attributes", x.Attributes), count(r, "uploads.objects", x.Objects), count(r, "uploads.references", x.References)}
	for _, n := range []struct {
		key string
		n   int64
	}{{"uploads.reports", x.Reports}, {"uploads.sightings", x.Sightings}, {"uploads.here.same", x.Here.Same}, {"uploads.here.older", x.Here.Older}, {"uploads.here.foreign", x.Here.Foreign}} {
		if n.n > 0 {
			page.Facts.Items = append(page.Facts.Items, count(r, n.key, n.n))
		}
	}
	if l, ok := x.Widest(); ok {
		f := ui.Fact{Label: web.T(r, "uploads.widest"), Value: web.T(r, "uploads.nolabel")}
		if l != tlp.None {
			f.Value = ui.TLP(l.String())
		} else {
			f.Sub = web.T(r, "uploads.nolabel.n", "n", x.Labels[""])
		}
		page.Facts.Items = append(page.Facts.Items, f)
		page.Print = "TLP:" + strictest(x).Or(tlp.Amber).String()
	}
	page.Heads = ui.Table{Caption: web.T(r, "uploads.heads"), Columns: []ui.Column{{Label: web.T(r, "uploads.event")}, {Label: web.T(r, "uploads.label"), Width: "mark", Drop: 2}, {Label: web.T(r, "uploads.attributes"), Num: true, Drop: 1}, {Label: web.T(r, "uploads.here"), Width: "mark"}}}
	for _, h := range x.Heads {
		sub := []any{}
		if h.Maker != "" {
			sub = append(sub, h.Maker)
		}
		if h.Date != "" {
			sub = append(sub, h.Date)
		}
		name := ui.Name{Text: cmp.Or(h.Info, h.UUID, web.T(r, "uploads.untitled")), Sub: sub}
		if h.State != "new" {
			name.Href = events(r) + "/" + h.UUID
		}
		var label any
		if h.TLP != "" {
			label = ui.TLP(h.TLP)
		}
		page.Heads.Rows = append(page.Heads.Rows, ui.Row{Cells: []any{name, label, h.Attributes, ui.Tag{Word: web.T(r, "uploads.is."+h.State)}}})
	}
	if more := x.Events - int64(len(x.Heads)); more > 0 {
		page.More = web.T(r, "uploads.more", "n", more)
	}
	if u.State == upload.Read {
		page.Reasons = reasonTable(r, x.Reasons)
	}
}

func strictest(x *upload.Found) (out tlp.Level) {
	for word := range x.Labels {
		if l, ok := tlp.Parse(word); ok {
			out = max(out, l)
		}
	}
	return out
}

// reasonTable says what has no place, and why; sentences that are not ours stand as they are.
func reasonTable(r *http.Request, list []upload.Reason) ui.Table {
	t := ui.Table{Caption: web.T(r, "uploads.left"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "uploads.left.what")}, {Label: web.T(r, "uploads.left.why")}, {Label: web.T(r, "uploads.left.n"), Num: true}}}
	for _, x := range list {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Machine(cmp.Or(x.Type, "…")), whyOf(r, x.Text), x.Count}})
	}
	return t
}

func whyOf(r *http.Request, text string) any {
	if i := slices.Index(stix.Reasons, text); i >= 0 {
		return web.T(r, "uploads.why."+strconv.Itoa(i))
	}
	if strings.HasPrefix(text, "its sharing group") {
		return web.T(r, "uploads.why.group")
	}
	return ui.Machine(text)
}

// choices is the form before the import, with who would see what.
func (p *pages) choices(r *http.Request, f *web.Form, page *showPage, u *upload.Upload) error {
	who := web.Actor(r)
	reach := f.Field("reach", "uploads.reach")
	reach.Type, reach.Hint, reach.Options = "select", web.T(r, "uploads.reach.hint"), []ui.Option{{Value: "", Label: web.T(r, "uploads.reach.asis")}}
	for _, n := range []string{"0", "1", "2", "3"} {
		reach.Options = append(reach.Options, ui.Option{Value: n, Label: web.T(r, "uploads.level."+n)})
	}
	groups, err := p.d.Intel.Groups(r.Context(), who)
	if err != nil && !fault.Is(err, fault.Denied) {
		return err
	}
	for i := range groups {
		reach.Options = append(reach.Options, ui.Option{Value: "g" + strconv.FormatInt(groups[i].ID, 10), Label: web.T(r, "uploads.level.group", "name", groups[i].Name)})
	}
	page.Fields = []ui.Field{reach}
	if u.Found.Labels[""] > 0 {
		label := f.Field("label", "uploads.default")
		label.Type, label.Hint, label.Options = "select", web.T(r, "uploads.default.hint", "n", u.Found.Labels[""]), []ui.Option{{Value: "", Label: web.T(r, "uploads.default.none")}}
		for _, l := range []tlp.Level{tlp.Clear, tlp.Green, tlp.Amber, tlp.AmberStrict, tlp.Red} {
			label.Options = append(label.Options, ui.Option{Value: l.String(), Label: "TLP:" + l.String()})
		}
		page.Fields = append(page.Fields, label)
	}
	if u.Found.Here.Older > 0 {
		update := f.Box("update", "uploads.update")
		update.Hint = web.T(r, "uploads.update.hint")
		page.Fields = append(page.Fields, update)
	}
	if access.Allowed(who, "intel.publish") {
		publish := f.Box("publish", "uploads.publish")
		publish.Hint = web.T(r, "uploads.publish.hint")
		page.Fields = append(page.Fields, publish)
	}
	page.Buttons = []ui.Button{{Label: web.T(r, "uploads.import", "n", u.Found.Events), Icon: "check"}, {Label: web.T(r, "uploads.who"), Icon: "eye", Name: "act", Value: "look", Variant: "secondary"}}
	return p.reach(r, page, u, options(f))
}

// reach tells for every level of the file what it becomes, and who would see that.
func (p *pages) reach(r *http.Request, page *showPage, u *upload.Upload, o upload.Options) error {
	page.Reach = ui.Table{Caption: web.T(r, "uploads.reach.table"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "uploads.came")}, {Label: web.T(r, "uploads.becomes")}, {Label: web.T(r, "uploads.orgs"), Num: true, Drop: 1}, {Label: web.T(r, "uploads.n"), Num: true}}}
	for _, l := range u.Found.Levels {
		came := web.T(r, "uploads.level.silent")
		if l.Said {
			came = web.T(r, "uploads.level."+strconv.Itoa(int(l.Level)))
		}
		if l.Name != "" {
			came = web.T(r, "uploads.level.group", "name", l.Name)
		}
		reach := upload.Reach{Level: l.Level, Group: l.Group, Said: l.Said}
		if l.Level == intel.Group && l.Group == 0 {
			reach.Level = intel.OwnOrg
		}
		to := upload.Narrowed(reach, o)
		seen, err := p.d.Intel.WhoSees(r.Context(), web.Actor(r), to.Level, to.Group, nil)
		if fault.Is(err, fault.Invalid) {
			to = upload.Reach{Level: intel.OwnOrg}
			seen, err = p.d.Intel.WhoSees(r.Context(), web.Actor(r), to.Level, 0, nil)
		}
		if err != nil {
			return err
		}
		word := web.T(r, "uploads.level."+strconv.Itoa(int(to.Level)))
		page.Reach.Rows = append(page.Reach.Rows, ui.Row{Cells: []any{came, ui.Name{Text: word, Sub: names(r, seen)}, seen.Count, l.Count}})
	}
	return nil
}

// names are the first readers, and how many more there are.
func names(r *http.Request, seen intel.Readers) (out []any) {
	for i, o := range seen.Orgs {
		if i == 3 {
			return append(out, web.T(r, "uploads.andmore", "n", seen.Count-3))
		}
		out = append(out, o.Name)
	}
	return out
}

// options reads the form.
func options(f *web.Form) (o upload.Options) {
	reach := f.Text("reach", 30)
	switch group, isGroup := strings.CutPrefix(reach, "g"); {
	case reach == "":
	case isGroup:
		o.Choose, o.Level = true, intel.Group
		o.Group, _ = strconv.ParseInt(group, 10, 64)
	default:
		n, err := strconv.Atoi(reach)
		if err != nil {
			n = -1
		}
		o.Choose, o.Level = true, intel.Distribution(n)
	}
	o.Label, o.Publish, o.Update = f.Text("label", 20), f.Tick("publish"), f.Tick("update")
	return o
}

// act imports, shows who would see it, forgets the file, or takes the import back.
func (p *pages) act(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who, ref := web.Actor(r), r.PathValue("upload")
	at := base(r) + "/" + ref
	switch r.PathValue("act") {
	case "import":
		look := f.Text("act", 10) == "look"
		if !look {
			if err = p.d.Uploads.Start(r.Context(), who, ref, options(f)); err == nil {
				return web.Redirect(at, web.Done("uploads.done.import"))
			}
		}
		if look || f.Fail(err) {
			page, err := p.page(r, f)
			if err != nil {
				return err
			}
			page.Errors = f.Summary("reach", "label")
			if look {
				return p.t.Render(w, r, "import", page)
			}
			return p.t.Invalid(w, r, "import", page)
		}
		return err
	case "drop":
		if err := p.d.Uploads.Drop(r.Context(), who, ref); err != nil {
			return err
		}
		return web.Redirect(base(r), web.Done("uploads.done.drop"))
	case "undo":
		if f.Require(f.Tick("sure"), "sure", "uploads.sure.needed"); f.Fail(nil) {
			page, err := p.page(r, f)
			if err != nil {
				return err
			}
			page.Errors = f.Summary("sure")
			return p.t.Invalid(w, r, "import", page)
		}
		u, err := p.d.Uploads.Undo(r.Context(), who, ref)
		if err != nil {
			return err
		}
		return web.Redirect(at, web.Done("uploads.done.undo", "n", u.Result.Gone))
	}
	return fault.New(fault.NotFound, "no such act")
}

// result shows what became of the file.
func (p *pages) result(r *http.Request, page *showPage, u *upload.Upload) error {
	res := &u.Result
	if res.Fault != "" {
		note := ui.Note{Kind: "danger", Title: web.T(r, res.Fault), Body: web.T(r, "uploads.cut")}
		page.Notes = append(page.Notes, note)
	}
	page.Result = &ui.Facts{Items: []ui.Fact{count(r, "uploads.created", res.Events.Created), count(r, "uploads.updated", res.Events.Updated), count(r, "uploads.unchanged", res.Events.Unchanged), count(r, "uploads.refused", res.Events.Refused),
		count(r, "uploads.attributes.new", res.Attributes.Created), count(r, "uploads.attributes.refused", res.Attributes.Refused)}}
	for _, n := range []struct {
		key string
		n   int64
	}{{"uploads.held", res.Held}, {"uploads.gone", res.Gone}, {"uploads.kept", res.Kept}} {
		if n.n > 0 {
			page.Result.Items = append(page.Result.Items, count(r, n.key, n.n))
		}
	}
	page.Reasons = reasonTable(r, res.Reasons)
	page.Refused = ui.Table{Caption: web.T(r, "uploads.refused.table"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "uploads.event")}, {Label: web.T(r, "uploads.left.why")}}}
	for _, x := range res.Refused {
		page.Refused.Rows = append(page.Refused.Rows, ui.Row{Cells: []any{ui.Machine(cmp.Or(x.UUID, "…")), web.T(r, cmp.Or(x.Key, "uploads.refused.why"))}})
	}
	list, err := p.d.Uploads.Brought(r.Context(), web.Actor(r), u.UUID, 0)
	if err != nil {
		return err
	}
	page.Brought = ui.Table{Caption: web.T(r, "uploads.brought"), Columns: []ui.Column{{Label: web.T(r, "uploads.event")}, {Label: web.T(r, "uploads.state"), Width: "mark"}}}
	made := 0
	for _, b := range list {
		word := "uploads.is.updated"
		if b.Created {
			made++
			word = "uploads.is.created"
		}
		href := events(r) + "/" + b.UUID
		page.Brought.Rows = append(page.Brought.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: b.Info, Href: href}, ui.Tag{Word: web.T(r, word)}}})
	}
	if u.State == upload.Done && made > 0 {
		sure := web.NewForm(r, nil).Box("sure", "uploads.sure")
		page.Sure = &sure
	}
	return nil
}
