package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web/ui"
)

// Pager is a pointer to a struct that embeds Page.
type Pager interface{ Base() *ui.Page }

// Templates are the pages of one room: every NAME.html of its files is a page,
// files that begin with "_" hold parts that all pages of the room may use.
// A page is parsed when it is first shown, once per language.
type Templates struct {
	kit    *ui.Kit
	fsys   fs.FS
	mu     sync.Mutex
	parsed map[string]*template.Template // by language and name
}

// Templates opens the pages of a room.
func (m *Mux) Templates(fsys fs.FS) *Templates {
	return newTemplates(m.kit, fsys)
}

func newTemplates(kit *ui.Kit, fsys fs.FS) *Templates {
	return &Templates{kit: kit, fsys: fsys, parsed: map[string]*template.Template{}}
}

// page gives the parsed page in one language.
func (t *Templates) page(l i18n.Lang, name string) (*template.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := string(l) + "/" + name
	if p, ok := t.parsed[key]; ok {
		return p, nil
	}
	p, err := t.parse(name, t.kit.Funcs(l))
	if err != nil {
		return nil, err
	}
	t.parsed[key] = p
	return p, nil
}

// parse reads NAME.html and the room's parts.
func (t *Templates) parse(name string, funcs template.FuncMap) (*template.Template, error) {
	set := template.New("room").Funcs(funcs)
	parts, err := fs.Glob(t.fsys, "_*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range append(parts, name+".html") {
		src, err := fs.ReadFile(t.fsys, file)
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		if _, err := set.New(path.Base(file)).Parse(string(src)); err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return set, nil
}

// main executes the page's own part: the file NAME.html itself.
func (t *Templates) main(l i18n.Lang, name string, page any) (template.HTML, error) {
	set, err := t.page(l, name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name+".html", page); err != nil {
		return "", fmt.Errorf("page %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

// Render answers 200 with a page in its shell.
func (t *Templates) Render(w http.ResponseWriter, r *http.Request, name string, page Pager) error {
	return t.RenderStatus(w, r, http.StatusOK, name, page)
}

// Invalid answers 422 with the same page, its errors and the typed text.
func (t *Templates) Invalid(w http.ResponseWriter, r *http.Request, name string, page Pager) error {
	return t.RenderStatus(w, r, http.StatusUnprocessableEntity, name, page)
}

// RenderStatus answers with a page in its shell. Nothing is written when the
// template fails, so that the error page can be.
func (t *Templates) RenderStatus(w http.ResponseWriter, r *http.Request, status int, name string, page Pager) error {
	base := page.Base()
	s := stateOf(r)
	if s.listed != nil {
		s.listed.take(page)
		return nil
	}
	if s.mux != nil && status == http.StatusOK && base.Shell == ShellConsole {
		s.mux.nearby(r, base, page)
	}
	if s.mux != nil && base.Toast == nil {
		base.Toast = s.mux.takeFlash(w, r)
	}
	body, err := t.whole(base, name, page)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(base.Lang))
	if s.mux != nil && status == http.StatusOK {
		s.mux.keepPage(w, r, base, body)
	}
	w.WriteHeader(status)
	_, err = w.Write(body)
	return ignoreGone(err)
}

// whole renders a page into memory.
func (t *Templates) whole(base *ui.Page, name string, page Pager) ([]byte, error) {
	if base.Lang == "" {
		base.Lang = i18n.Default
	}
	main, err := t.main(base.Lang, name, page)
	if err != nil {
		return nil, err
	}
	main, base.Typed = ui.FindTyped(main, base.Here())
	var b bytes.Buffer
	b.Grow(len(main) + 8192)
	if err := t.kit.Layout(&b, base, main); err != nil {
		return nil, err
	}
	return showDirection(b.Bytes()), nil
}

// Part answers with one named part of a page's file ({{define "rows"}}), for
// scripts that replace a piece of the page they are on.
func (t *Templates) Part(w http.ResponseWriter, r *http.Request, name, part string, data any) error {
	return t.PartStatus(w, r, http.StatusOK, name, part, data)
}

// PartStatus is Part with another status: what was sent could not be taken as it is.
func (t *Templates) PartStatus(w http.ResponseWriter, r *http.Request, status int, name, part string, data any) error {
	set, err := t.page(Lang(r), name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("page %s, part %s: %w", name, part, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request")
	w.WriteHeader(status)
	_, err = w.Write(showDirection(b.Bytes()))
	return ignoreGone(err)
}

// ignoreGone: when a body cannot be written the visitor has left; there is nobody
// to tell.
func ignoreGone(error) error { return nil }

// names lists the pages of a room's files.
func (t *Templates) names() ([]string, error) {
	files, err := fs.Glob(t.fsys, "*.html")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		if !strings.HasPrefix(f, "_") {
			out = append(out, strings.TrimSuffix(f, ".html"))
		}
	}
	return out, nil
}
