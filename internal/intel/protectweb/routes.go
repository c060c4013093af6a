// Package protectweb shows by which OpenPGP keys a protected event may be changed, and
// protects one: team and portal share the page.
package protectweb

import (
	"embed"
	"net/http"
	"slices"
	"strings"

	"straza/internal/craft/seal"
	"straza/internal/format/openpgp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the page and its messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the page.
type Deps struct {
	Intel *intel.Service
	Seal  *seal.Office
}

type pages struct {
	t *web.Templates
	d Deps
}

var base = eventweb.Base

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for at, may := range eventweb.Places {
		read, write := may("intel.read"), may("intel.write")
		m.Handle(
			web.Route{Method: "GET", Pattern: at + "/{id}/protection", Policy: read, Reveals: "signing keys of an event the caller may see", Handler: p.show},
			web.Route{Method: "POST", Pattern: at + "/{id}/protection/protect", Policy: write, Mutates: true, Handler: p.set(true)},
			web.Route{Method: "POST", Pattern: at + "/{id}/protection/unprotect", Policy: write, Mutates: true, Handler: p.set(false)},
			web.Route{Method: "POST", Pattern: at + "/{id}/protection/keys", Policy: write, Mutates: true, Handler: p.addKey},
			web.Route{Method: "POST", Pattern: at + "/{id}/protection/keys/{key}/remove", Policy: write, Mutates: true, Handler: p.dropKey},
		)
	}
}

type page struct {
	web.Page
	Header ui.Header
	State  ui.Note
	Unsent *ui.Note
	Table  ui.Table
	At     string
	Edit   bool
	On     bool
	Key    ui.Field
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.d.Intel)
	if err != nil {
		return err
	}
	page, err := p.page(r, &e, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "protection", page)
}

func (p *pages) page(r *http.Request, e *intel.Event, f *web.Form) (*page, error) {
	title := web.T(r, "intel.protection")
	pg := &page{Page: web.NewPage(r, eventweb.Shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, At: base(r) + "/" + e.Ref() + "/protection", On: e.IsProtected(),
		Edit: intel.MayEdit(web.Actor(r), e) == nil}
	pg.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: title})
	pg.State = ui.Note{Kind: "info", Body: web.T(r, "intel.protection.off")}
	if pg.On {
		pg.State = ui.Note{Kind: "success", Body: web.T(r, "intel.protection.on")}
	}
	keys, err := p.d.Intel.EventKeys(r.Context(), web.Actor(r), e.Ref())
	if err != nil {
		return nil, err
	}
	ours, err := p.d.Seal.Fingerprints(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	own := false
	pg.Table = ui.Table{Caption: web.T(r, "intel.protection.keys"), Columns: []ui.Column{{Label: web.T(r, "intel.protection.key")}, {Label: web.T(r, "intel.protection.state"), Width: "mark"},
		{Label: web.T(r, "intel.protection.until"), Width: "mark", Drop: 1}, {Label: web.T(r, "intel.protection.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: "key", Title: web.T(r, "intel.protection.none"), Text: web.T(r, "intel.protection.none.text")}}
	for i := range keys {
		row, mine := keyRow(r, pg, &keys[i], ours)
		own = own || mine
		pg.Table.Rows = append(pg.Table.Rows, row)
	}
	if pg.On && !own {
		pg.Unsent = &ui.Note{Kind: "warning", Body: web.T(r, "intel.protection.unsent")}
	}
	pg.Key = f.Field("key_data", "intel.protection.paste")
	pg.Key.Type, pg.Key.Rows, pg.Key.Mono, pg.Key.Hint = "textarea", 8, true, web.T(r, "intel.protection.paste.hint")
	pg.Errors = f.Summary("key_data")
	return pg, nil
}

// keyRow is one key: whose it is, whether it signs, and the way off the list.
func keyRow(r *http.Request, pg *page, k *intel.EventKey, ours []string) (ui.Row, bool) {
	mine := slices.Contains(ours, k.Fingerprint)
	name := ui.Name{Text: openpgp.Spaced(k.Fingerprint)}
	state, until := ui.State{Kind: ui.StateDone, Word: web.T(r, "intel.protection.good")}, any("")
	c, err := openpgp.Read(k.Armored)
	if err == nil {
		name.Sub = append(name.Sub, strings.Join(c.Names, ", "))
		var ends int64
		if ends, err = c.ForSigning(web.Now(r)); ends > 0 {
			until = clock.FromMicros(ends)
		}
	}
	if err != nil || k.Revoked {
		state = ui.State{Kind: ui.StateRefused, Word: web.T(r, "intel.protection.bad")}
	}
	if mine {
		name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "intel.protection.ours")})
	}
	acts := ui.Acts{Form: "key-acts"}
	if pg.Edit {
		acts.Items = []ui.Button{{Label: web.T(r, "intel.protection.remove"), Variant: "tertiary", Danger: true, Small: true, Action: pg.At + "/keys/" + k.UUID + "/remove"}}
	}
	return ui.Row{Cells: []any{name, state, until, acts}}, mine
}

// set protects an event, with the installation's key on its list, or ends that.
func (p *pages) set(on bool) web.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		e, err := eventweb.Seen(r, p.d.Intel)
		if err != nil {
			return err
		}
		own, said := "", "intel.protection.undone"
		if on {
			said = "intel.protection.done"
			keys, err := p.d.Seal.Keys(r.Context(), web.Actor(r))
			if err != nil {
				return err
			}
			if len(keys) > 0 { // a house without a host has none
				own = keys[0].Armored
			}
		}
		if err := p.d.Intel.SetProtected(r.Context(), web.Actor(r), e.Ref(), 0, on, own); err != nil {
			return err
		}
		return web.Redirect(base(r)+"/"+e.Ref()+"/protection", web.Done(said))
	}
}

func (p *pages) addKey(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.d.Intel)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err = f.Err("key_data"); err == nil {
		_, err = p.d.Intel.AddEventKey(r.Context(), web.Actor(r), e.Ref(), f.Values.Get("key_data"))
	}
	if f.Fail(err) {
		page, err := p.page(r, &e, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "protection", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/protection", web.Done("intel.protection.added"))
}

func (p *pages) dropKey(_ http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.d.Intel)
	if err != nil {
		return err
	}
	k, at, err := p.d.Intel.EventKey(r.Context(), web.Actor(r), r.PathValue("key"))
	if err == nil && at.ID != e.ID {
		err = fault.New(fault.NotFound, "the key is another event's")
	}
	if err == nil {
		_, err = p.d.Intel.DropEventKey(r.Context(), web.Actor(r), k.UUID)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/protection", web.Done("intel.protection.removed"))
}
