package peerweb

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
	"straza/internal/peer/poll"
)

// serverTable is the TAXII servers beside the peers: what they are called, how it
// stands with them, what the last poll brought.
func (p *pages) serverTable(r *http.Request) (t ui.Table, err error) {
	list, err := p.polls.Servers(r.Context(), web.Actor(r))
	if err != nil {
		return t, err
	}
	t = ui.Table{Caption: web.T(r, "polls.title"), Columns: []ui.Column{{Label: web.T(r, "polls.server")}, {Label: web.T(r, "peers.state"), Width: "mark"},
		{Label: web.T(r, "peers.read"), Num: true, Drop: 2}, {Label: web.T(r, "peers.created"), Num: true, Drop: 1}, {Label: web.T(r, "polls.polled"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "affiliate", Title: web.T(r, "polls.empty"), Text: web.T(r, "polls.empty.text")}}
	for i := range list {
		x := &list[i]
		t.Rows = append(t.Rows, ui.Row{Href: pollAt(r, x), Cells: []any{ui.Name{Text: x.Name, Href: pollAt(r, x), Sub: []any{ui.Machine(x.URL)}},
			health(r, x), strconv.FormatInt(x.Report.Read, 10), strconv.FormatInt(x.Report.New, 10), when(x.Polled)}})
	}
	return t, nil
}

func pollAt(r *http.Request, x *poll.Server) string { return room(r).polls + "/" + x.UUID }

// health says how it stands with a server in words.
func health(r *http.Request, x *poll.Server) ui.State {
	return state(r, &peer.Peer{Health: peer.Health{Code: x.Health.Code, OpenUntil: x.Health.OpenUntil}})
}

type serverPage struct {
	web.Page
	Header      ui.Header
	Facts       ui.Facts
	Report      ui.Facts
	Collections ui.Table
	Choose      *ui.Choices
	Delete      *ui.Button
	At          string
}

func (p *pages) showServer(w http.ResponseWriter, r *http.Request) error {
	who := web.Actor(r)
	x, list, err := p.polls.Server(r.Context(), who, r.PathValue("server"))
	if err != nil {
		return err
	}
	page := &serverPage{Page: web.NewPage(r, web.ShellConsole, x.Name), Header: ui.Header{Title: x.Name, Marks: []any{health(r, &x)}, Sub: []any{ui.Machine(x.URL)}}, At: pollAt(r, &x)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "peers.title"), Href: base(r)}, {Label: x.Name}}
	if page.Facts, err = p.serverFacts(r, &x); err != nil {
		return err
	}
	page.Report = reportFacts(r, &x)
	page.Collections = collectionTable(r, list)
	if access.Allowed(who, "peer.manage") {
		act := func(key, act string) ui.Button {
			return ui.Button{Label: web.T(r, key), Form: "acts", Action: page.At + "/" + act, Variant: "secondary"}
		}
		page.Header.Acts = []ui.Button{act("polls.look", "look"), act("polls.pollnow", "poll"), {Label: web.T(r, "peers.edit"), Icon: "pencil", Href: page.At + "/edit", Variant: "secondary", Key: "E"}}
		page.Delete = &ui.Button{Label: web.T(r, "polls.delete"), Variant: "secondary", Danger: true}
		page.Choose = choices(r, list)
	}
	return p.t.Render(w, r, "server", page)
}

// choices are the collections that may be chosen, and those that are.
func choices(r *http.Request, list []poll.Collection) *ui.Choices {
	c := &ui.Choices{Name: "collection", Legend: web.T(r, "polls.choose"), Hint: web.T(r, "polls.choose.hint"), Many: true, Optional: true}
	for _, x := range list {
		if x.Read || x.Chosen {
			c.Options = append(c.Options, ui.Option{Value: strconv.FormatInt(x.ID, 10), Label: titleOf(x), Checked: x.Chosen})
		}
	}
	if len(c.Options) == 0 {
		return nil
	}
	return c
}

func titleOf(c poll.Collection) string {
	if c.Title == "" {
		return c.Ref
	}
	return c.Title
}

func (p *pages) serverFacts(r *http.Request, x *poll.Server) (f ui.Facts, err error) {
	orgs, err := p.orgs.Orgs(r.Context(), web.Actor(r), []int64{x.Org})
	if err != nil {
		return f, err
	}
	h := x.Health
	f.Items = []ui.Fact{{Label: web.T(r, "polls.org"), Value: orgs[x.Org].Name}, {Label: web.T(r, "polls.calls"), Value: ui.Machine(x.Title)},
		{Label: web.T(r, "peers.state"), Value: web.T(r, h.Code.Key()), Sub: h.Detail}, {Label: web.T(r, "peers.checked"), Value: when(h.Checked)},
		{Label: web.T(r, "peers.failures"), Value: strconv.Itoa(h.Failures)}}
	if x.Every > 0 {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "polls.every"), Value: web.T(r, "peers.minutes", "n", x.Every)})
	}
	if h.OpenUntil > web.Now(r).UnixMicro() {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "peers.until"), Value: when(h.OpenUntil)})
	}
	return f, nil
}

// reportFacts is what the last poll brought.
func reportFacts(r *http.Request, x *poll.Server) (f ui.Facts) {
	rep := x.Report
	f.Items = []ui.Fact{{Label: web.T(r, "polls.polled"), Value: when(x.Polled)}}
	for _, k := range []struct {
		key string
		n   int64
	}{{"peers.read", rep.Read}, {"peers.created", rep.New}, {"polls.known", rep.Known}, {"peers.refused", rep.Refused}, {"peers.left", rep.Left}, {"polls.lost", rep.Lost}} {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, k.key), Value: strconv.FormatInt(k.n, 10)})
	}
	for _, why := range slices.Sorted(maps.Keys(rep.Reasons)) {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "polls.reason", "n", rep.Reasons[why]), Value: ui.Machine(why)})
	}
	return f
}

func collectionTable(r *http.Request, list []poll.Collection) ui.Table {
	t := ui.Table{Caption: web.T(r, "polls.collections"), Columns: []ui.Column{{Label: web.T(r, "polls.collection")}, {Label: web.T(r, "polls.state"), Width: "mark"},
		{Label: web.T(r, "polls.objects"), Num: true}, {Label: web.T(r, "polls.polled"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "stack-2", Title: web.T(r, "polls.collections.empty"), Text: web.T(r, "polls.collections.text")}}
	for _, c := range list {
		s := ui.State{Kind: ui.StateAck, Word: web.T(r, "polls.notchosen")}
		switch {
		case c.Chosen && !c.Read:
			s = ui.State{Kind: ui.StateRefused, Word: web.T(r, "polls.hidden")}
		case c.Chosen:
			s = ui.State{Kind: ui.StateDone, Word: web.T(r, "polls.chosen")}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: titleOf(c), Sub: []any{ui.Machine(c.Ref)}}, s, strconv.FormatInt(c.Objects, 10), when(c.Polled)}})
	}
	return t
}

// actServer looks, polls, chooses or deletes; polls go on in the background.
func (p *pages) actServer(_ http.ResponseWriter, r *http.Request) error {
	who, ref := web.Actor(r), r.PathValue("server")
	to := room(r).polls + "/" + ref
	switch act := r.PathValue("act"); act {
	case "look":
		x, _, err := p.polls.Look(r.Context(), who, ref)
		if err != nil {
			return err
		}
		if x.Health.Code == peer.OK {
			return web.Redirect(to, web.Done("polls.done.look"))
		}
		return web.Redirect(to, web.Done("peers.done.tested"))
	case "poll":
		if _, err := p.polls.Start(r.Context(), who, ref, false); err != nil {
			return err
		}
		return web.Redirect(to, web.Done("polls.done.poll"))
	case "choose":
		f, err := web.ReadForm(r)
		if err != nil {
			return err
		}
		if _, err := p.polls.Choose(r.Context(), who, ref, f.Values["collection"]); err != nil {
			return err
		}
		return web.Redirect(to, web.Done("polls.done.choose"))
	case "delete":
		if err := p.polls.Delete(r.Context(), who, ref); err != nil {
			return err
		}
		return web.Redirect(base(r), web.Done("polls.done.delete"))
	}
	return fault.New(fault.NotFound, "act %q", r.PathValue("act"))
}

type serverFormPage struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Cancel ui.Button
}

var serverOrder = []string{"name", "url", "login", "secret", "org", "every", "patience", "ca"}

func (p *pages) serverForm(r *http.Request, f *web.Form, title, back string) *serverFormPage {
	page := &serverFormPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "peers.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "peers.title"), Href: base(r)}, {Label: title}}
	add := func(name, label, hint string, set func(*ui.Field)) {
		x := f.Field(name, label)
		if hint != "" {
			x.Hint = web.T(r, hint)
		}
		if set != nil {
			set(&x)
		}
		page.Fields = append(page.Fields, x)
	}
	optional := func(x *ui.Field) { x.Optional = true }
	add("name", "peers.field.name", "", nil)
	add("url", "peers.field.url", "polls.hint.url", func(x *ui.Field) { x.Type = "url" })
	add("login", "polls.field.login", "polls.hint.login", func(x *ui.Field) { x.Optional, x.Autocomplete = true, "off" })
	add("secret", "polls.field.secret", "polls.hint.secret", func(x *ui.Field) { x.Type, x.Autocomplete, x.Optional, x.Value = "password", "off", true, "" })
	add("org", "polls.org", "polls.hint.org", optional)
	add("every", "polls.field.every", "peers.hint.every", func(x *ui.Field) { x.InputMode, x.Optional = "numeric", true })
	add("patience", "peers.field.patience", "", func(x *ui.Field) { x.InputMode, x.Optional = "numeric", true })
	add("ca", "peers.field.ca", "peers.hint.ca", func(x *ui.Field) { x.Type, x.Rows, x.Optional = "textarea", 4, true })
	return page
}

func readServer(f *web.Form, x *poll.Server) {
	x.Name, x.URL, x.Login = f.Text("name", 200), f.Text("url", 500), f.Text("login", 200)
	x.Every, x.Patience, x.CA = int(f.Int("every")), int(f.Int("patience")), f.Text("ca", 64<<10)
}

func (p *pages) newServer(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, nil)
	f.Values.Set("every", "60")
	return p.t.Render(w, r, "serverform", p.serverForm(r, f, web.T(r, "polls.new"), base(r)))
}

func (p *pages) addServer(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var x poll.Server
	readServer(f, &x)
	x, err = p.polls.Add(r.Context(), web.Actor(r), x, f.Text("secret", 500), f.Text("org", 200))
	if f.Fail(err) {
		page := p.serverForm(r, f, web.T(r, "polls.new"), base(r))
		page.Errors = f.Summary(serverOrder...)
		return p.t.Invalid(w, r, "serverform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(pollAt(r, &x), web.Done("polls.done.add"))
}

func (p *pages) editServerForm(w http.ResponseWriter, r *http.Request) error {
	x, _, err := p.polls.Server(r.Context(), web.Actor(r), r.PathValue("server"))
	if err != nil {
		return err
	}
	orgs, err := p.orgs.Orgs(r.Context(), web.Actor(r), []int64{x.Org})
	if err != nil {
		return err
	}
	f := web.NewForm(r, nil)
	for k, v := range map[string]string{"name": x.Name, "url": x.URL, "login": x.Login, "org": orgs[x.Org].UUID, "every": strconv.Itoa(x.Every),
		"patience": strconv.Itoa(x.Patience), "ca": x.CA} {
		f.Values.Set(k, v)
	}
	return p.t.Render(w, r, "serverform", p.serverForm(r, f, web.T(r, "polls.edit.title"), pollAt(r, &x)))
}

func (p *pages) editServer(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x, err := p.polls.Edit(r.Context(), web.Actor(r), r.PathValue("server"), f.Text("secret", 500), f.Text("org", 200), func(x *poll.Server) { readServer(f, x) })
	if f.Fail(err) {
		page := p.serverForm(r, f, web.T(r, "polls.edit.title"), room(r).polls+"/"+r.PathValue("server"))
		page.Errors = f.Summary(serverOrder...)
		return p.t.Invalid(w, r, "serverform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(pollAt(r, &x), web.Done("peers.done.edit"))
}
