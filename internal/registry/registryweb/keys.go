package registryweb

import (
	"io"
	"net/http"
	"strings"
	"time"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

const keysAt = "/console/keys"

type keysPage struct {
	web.Page
	Header ui.Header
	Note   *ui.Note
	Table  ui.Table
	Fields []ui.Field
}

func (p *pages) keys(w http.ResponseWriter, r *http.Request) error {
	page, err := p.keysPage(r, web.NewForm(r, map[string][]string{"address": {r.FormValue("address")}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "keys", page)
}

func (p *pages) keysPage(r *http.Request, f *web.Form) (*keysPage, error) {
	list, err := p.s.LetterKeys(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page := &keysPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "registry.keys"))}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "registry.title"), Href: console}, {Label: page.Title}}
	page.Header = ui.Header{Title: page.Title}
	page.Table = ui.Table{Caption: page.Title, Columns: []ui.Column{{Label: web.T(r, "registry.keys.address")}, {Label: web.T(r, "registry.keys.fingerprint"), Drop: 1}, {Label: web.T(r, "registry.state"), Width: "mark"},
		{Label: web.T(r, "registry.keys.until"), Width: "mark", Drop: 1}, {Label: web.T(r, "registry.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: "key", Title: web.T(r, "registry.keys.none"), Text: web.T(r, "registry.keys.none.text")}}
	now, bad := web.Now(r), 0
	for i := range list {
		k := &list[i]
		if k.Soon(now) || k.Gone(now) {
			bad++
		}
		var until any = web.T(r, "registry.keys.ever")
		if k.Expires > 0 {
			until = clock.FromMicros(k.Expires)
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Cells: []any{ui.Name{Text: k.Address, Sub: []any{strings.Join(k.Names, ", ")}}, ui.Machine(k.Spaced()), keyState(r, k, now), until,
			ui.Acts{Form: "key-acts", Items: []ui.Button{{Label: web.T(r, "registry.keys.drop"), Variant: "tertiary", Danger: true, Small: true, Action: keysAt + "/" + k.UUID + "/drop"}}}}})
	}
	if bad > 0 {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "registry.keys.ending", "n", int64(bad))}
	}
	address, key, file := f.Field("address", "registry.keys.address"), f.Field("key", "registry.keys.key"), f.Field("file", "registry.keys.file")
	file.Type, file.Accept, file.Optional, file.Hint, key.Optional = "file", ".asc,.gpg,.pgp,.key,.txt,application/pgp-keys", true, web.T(r, "registry.keys.file.hint"), true
	address.InputMode, key.Type, key.Rows, key.Mono, key.Hint = "email", "textarea", 10, true, web.T(r, "registry.keys.key.hint")
	page.Fields, page.Errors = []ui.Field{address, key, file}, f.Summary("address", "key", "file")
	return page, nil
}

// keyState says in a word whether letters leave under a key.
func keyState(r *http.Request, k *registry.LetterKey, now time.Time) ui.State {
	switch {
	case k.Gone(now):
		return ui.State{Kind: ui.StateRefused, Word: web.T(r, "registry.keys.state.gone")}
	case k.Soon(now):
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "registry.keys.state.soon")}
	}
	return ui.State{Kind: ui.StateDone, Word: web.T(r, "registry.keys.state.good")}
}

func (p *pages) setKey(w http.ResponseWriter, r *http.Request) error {
	var file []byte
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 1, Bytes: 2 * openpgp.KeyBytes}, func(_ *web.Form, u web.Upload) (err error) {
		file, err = io.ReadAll(u)
		return err
	})
	if err != nil {
		return err
	}
	text := f.Values.Get("key")
	if len(file) > 0 {
		text = string(file)
	}
	if err = f.Err("key"); err == nil {
		_, err = p.s.SetLetterKey(r.Context(), web.Actor(r), f.Values.Get("address"), text)
	}
	if f.Fail(err) {
		page, err := p.keysPage(r, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "keys", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(keysAt, web.Done("registry.keys.saved"))
}

func (p *pages) dropKey(_ http.ResponseWriter, r *http.Request) error {
	if _, err := p.s.DropLetterKey(r.Context(), web.Actor(r), r.PathValue("key")); err != nil {
		return err
	}
	return web.Redirect(keysAt, web.Done("registry.keys.dropped"))
}
