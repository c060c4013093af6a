package entry

import (
	"net/http"
	"strings"

	"straza/internal/kernel/mail"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type lettersPage struct {
	web.Page
	Header ui.Header
	Key    ui.Field
}

// mailKeyFacts is what the account page says of the key; nothing without one.
func mailKeyFacts(r *http.Request, k mail.Key) (f ui.Facts) {
	if k.Fingerprint == "" {
		return f
	}
	f.Items = []ui.Fact{{Label: web.T(r, "entry.letters.fingerprint"), Value: k.Spaced(), Wide: true}, {Label: web.T(r, "entry.letters.names"), Value: strings.Join(k.Names, ", ")}}
	if k.Expires != 0 {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "entry.letters.until"), Value: moment(k.Expires)})
	}
	return f
}

func (p *pages) showLetters(w http.ResponseWriter, r *http.Request) error {
	if err := p.s.Fresh(r.Context(), web.Actor(r)); err != nil {
		return stepUp(err, "/account/letters")
	}
	return p.t.Render(w, r, "letters", lettersForm(r, web.NewForm(r, nil)))
}

func lettersForm(r *http.Request, f *web.Form) *lettersPage {
	page := &lettersPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.letters"))}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	page.Key = f.Field("key", "entry.letters.key")
	page.Key.Type, page.Key.Rows, page.Key.Mono, page.Key.Hint = "textarea", 12, true, web.T(r, "entry.letters.key.hint")
	page.Errors = f.Summary("key")
	return page
}

func (p *pages) saveMailKey(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err = f.Err("key"); err == nil {
		_, err = p.s.SetMailKey(r.Context(), web.Actor(r), f.Values.Get("key"))
	}
	if f.Fail(err) {
		return p.t.Invalid(w, r, "letters", lettersForm(r, f))
	}
	if err != nil {
		return stepUp(err, "/account/letters")
	}
	return web.Redirect("/account#letters", web.Done("entry.letters.saved"))
}

func (p *pages) removeMailKey(w http.ResponseWriter, r *http.Request) error {
	if err := p.s.DropMailKey(r.Context(), web.Actor(r)); err != nil {
		return stepUp(err, "/account")
	}
	return web.Redirect("/account#letters", web.Done("entry.letters.removed"))
}
