package peerweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
)

type formPage struct {
	web.Page
	Header ui.Header
	Who    []ui.Field
	Flags  []ui.Field
	Rules  []ui.Field
	Cancel ui.Button
}

// flags are the switches of the form: the form's name and where it stands.
func flags(f *peer.Flags) []struct {
	name string
	on   *bool
} {
	return []struct {
		name string
		on   *bool
	}{{"pull", &f.Pull}, {"push", &f.Push}, {"push_sightings", &f.PushSightings}, {"pull_sightings", &f.PullSightings}, {"push_galaxy_clusters", &f.PushClusters},
		{"pull_galaxy_clusters", &f.PullClusters}, {"push_analyst_data", &f.PushAnalyst}, {"pull_analyst_data", &f.PullAnalyst},
		{"push_collections", &f.PushCollections}, {"pull_collections", &f.PullCollections},
		{"unpublish_event", &f.Unpublish}, {"internal", &f.Internal},
		{"accept_retractions", &f.Retract}, {"remove_missing_tags", &f.MirrorTags}}
}

func (p *pages) form(r *http.Request, f *web.Form, title, back string) *formPage {
	page := &formPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "peers.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "peers.title"), Href: base(r)}, {Label: title}}
	field := func(name string, set func(*ui.Field)) ui.Field {
		x := f.Field(name, "peers.field."+name)
		if set != nil {
			set(&x)
		}
		return x
	}
	hint := func(key string) func(*ui.Field) { return func(x *ui.Field) { x.Hint = web.T(r, key) } }
	page.Who = []ui.Field{field("name", nil), field("url", func(x *ui.Field) { x.Type, x.Hint = "url", web.T(r, "peers.hint.url") }),
		field("key", func(x *ui.Field) {
			x.Type, x.Autocomplete, x.Hint, x.Value = "password", "off", web.T(r, "peers.hint.key"), ""
		}),
		field("remote", hint("peers.hint.remote")), field("remotename", func(x *ui.Field) { x.Optional, x.Hint = true, web.T(r, "peers.hint.remotename") })}
	var hints peer.Flags
	for _, x := range flags(&hints) {
		box := f.Box(x.name, "peers.field."+x.name)
		if x.on == &hints.Retract || x.on == &hints.MirrorTags {
			box.Hint = web.T(r, "peers.hint."+x.name)
		}
		page.Flags = append(page.Flags, box)
	}
	page.Rules = []ui.Field{field("ceiling", func(x *ui.Field) {
		x.Type, x.Hint = "select", web.T(r, "peers.hint.ceiling")
		for _, l := range tlp.Levels() {
			if l < tlp.Red {
				x.Options = append(x.Options, ui.Option{Value: l.String(), Label: l.Label()})
			}
		}
	}), field("blocked", func(x *ui.Field) { x.Optional, x.Hint = true, web.T(r, "peers.hint.blocked") }),
		field("pullrules", func(x *ui.Field) {
			x.Type, x.Rows, x.Optional, x.Hint = "textarea", 3, true, web.T(r, "peers.hint.rules")
		}),
		field("pushrules", func(x *ui.Field) { x.Type, x.Rows, x.Optional = "textarea", 3, true }),
		field("every", func(x *ui.Field) { x.InputMode, x.Optional, x.Hint = "numeric", true, web.T(r, "peers.hint.every") }),
		field("patience", func(x *ui.Field) { x.InputMode, x.Optional = "numeric", true }),
		field("ca", func(x *ui.Field) { x.Type, x.Rows, x.Optional, x.Hint = "textarea", 4, true, web.T(r, "peers.hint.ca") })}
	return page
}

// order is that of the fields, for the error summary; faults use the Service's names.
var order = []string{"name", "url", "key", "remote", "ceiling", "rules", "every", "patience", "ca"}

func (p *pages) newPeer(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, nil)
	f.Values.Set("ceiling", "GREEN")
	f.Values.Set("pull", "1")
	return p.t.Render(w, r, "peerform", p.form(r, f, web.T(r, "peers.new"), base(r)))
}

// read takes the form into a peer.
func read(f *web.Form, x *peer.Peer) (err error) {
	x.Name, x.URL = f.Text("name", 200), f.Text("url", 500)
	for _, s := range flags(&x.Flags) {
		*s.on = f.Tick(s.name)
	}
	if x.PullRules, err = peer.ParseRules(f.Text("pullrules", 20_000)); err != nil {
		return err
	}
	if x.PushRules, err = peer.ParseRules(f.Text("pushrules", 20_000)); err != nil {
		return err
	}
	x.Ceiling, _ = tlp.Parse(f.Text("ceiling", 20))
	x.BlockedTypes = strings.Fields(f.Text("blocked", 4000))
	x.Every, x.Patience = int(f.Int("every")), int(f.Int("patience"))
	x.CA = f.Text("ca", 64<<10)
	return nil
}

func remote(f *web.Form) peer.Remote {
	ref, name := f.Text("remote", 200), f.Text("remotename", 200)
	if name != "" {
		return peer.Remote{UUID: ref, Name: name}
	}
	return peer.Remote{Ref: ref}
}

func (p *pages) add(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var x peer.Peer
	if err = read(f, &x); err == nil {
		x, err = p.s.Add(r.Context(), web.Actor(r), x, f.Text("key", 500), remote(f))
	}
	if f.Fail(err) {
		page := p.form(r, f, web.T(r, "peers.new"), base(r))
		page.Errors = f.Summary(order...)
		return p.t.Invalid(w, r, "peerform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(at(r, &x), web.Done("peers.done.add"))
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	x, err := p.s.Peer(r.Context(), web.Actor(r), r.PathValue("peer"))
	if err != nil {
		return err
	}
	orgs, err := p.orgs.Orgs(r.Context(), web.Actor(r), []int64{x.RemoteOrg})
	if err != nil {
		return err
	}
	f := web.NewForm(r, nil)
	set := f.Values.Set
	set("name", x.Name)
	set("url", x.URL)
	set("remote", orgs[x.RemoteOrg].UUID)
	for _, s := range flags(&x.Flags) {
		if *s.on {
			set(s.name, "1")
		}
	}
	set("ceiling", x.Ceiling.String())
	set("blocked", strings.Join(x.BlockedTypes, " "))
	set("pullrules", x.PullRules.Text())
	set("pushrules", x.PushRules.Text())
	set("every", strconv.Itoa(x.Every))
	set("patience", strconv.Itoa(x.Patience))
	set("ca", x.CA)
	page := p.form(r, f, web.T(r, "peers.edit.title"), at(r, &x))
	return p.t.Render(w, r, "peerform", page)
}

func (p *pages) edit(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x, err := p.s.Edit(r.Context(), web.Actor(r), r.PathValue("peer"), f.Text("key", 500), remote(f), func(x *peer.Peer) error { return read(f, x) })
	if f.Fail(err) {
		page := p.form(r, f, web.T(r, "peers.edit.title"), base(r)+"/"+r.PathValue("peer"))
		page.Errors = f.Summary(order...)
		return p.t.Invalid(w, r, "peerform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(at(r, &x), web.Done("peers.done.edit"))
}
