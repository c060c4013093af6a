package web

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web/ui"
)

// CheckTemplates is the test of a room's pages, to be called from its tests: every
// page of files is type-checked against the struct it gets, executed with that
// struct's zero value and with every sample, in all three languages; messages are
// compared between languages, and missing keys, unknown icons and inline styles or
// scripts are reported. samples names every page; a page without samples is an
// error. messages are the room's own; those of ui are added.
func CheckTemplates(files fs.FS, samples map[string][]Pager, messages ...fs.FS) error {
	cat, err := i18n.NewCatalog(append([]fs.FS{ui.Messages}, messages...)...)
	if err != nil {
		return err
	}
	now := time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)
	kit, err := ui.NewKit(cat, func() time.Time { return now })
	if err != nil {
		return err
	}
	t := newTemplates(kit, files)
	names, err := t.names()
	if err != nil {
		return err
	}
	errs := []error{cat.Check()}
	for _, name := range names {
		if len(samples[name]) == 0 {
			errs = append(errs, fmt.Errorf("page %s: no sample", name))
			continue
		}
		errs = append(errs, checkPage(t, cat, name, samples[name])...)
	}
	for name := range samples {
		if _, err := fs.Stat(files, name+".html"); err != nil {
			errs = append(errs, fmt.Errorf("sample %s: no such page", name))
		}
	}
	for _, key := range cat.Missing() {
		errs = append(errs, fmt.Errorf("message %q is missing", key))
	}
	return errors.Join(errs...)
}

// checkPage runs one page with its zero value and its samples.
func checkPage(t *Templates, cat *i18n.Catalog, name string, samples []Pager) []error {
	var errs []error
	set, err := t.parse(name, t.kit.Funcs(i18n.En))
	if err != nil {
		return []error{err}
	}
	typ := reflect.TypeOf(samples[0])
	for _, part := range set.Templates() {
		if part.Name() == name+".html" {
			for _, e := range typeCheck(set, part.Tree, typ, t.kit.Funcs(i18n.En), cat) {
				errs = append(errs, fmt.Errorf("page %s: %w", name, e))
			}
		}
	}
	zero, ok := reflect.New(typ.Elem()).Interface().(Pager)
	if ok {
		samples = append([]Pager{zero}, samples...)
	}
	for i, sample := range samples {
		for _, l := range i18n.Langs {
			base := sample.Base()
			base.Lang = l
			if base.Shell == "" {
				base.Shell = ui.Console
			}
			body, err := t.whole(base, name, sample)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, sample %d: %w", l, i, err))
				break
			}
			errs = append(errs, checkHTML(name, string(body))...)
			if err := CheckScript(l, body); err != nil {
				errs = append(errs, fmt.Errorf("page %s in %s: %w", name, l, err))
			}
		}
	}
	return errs
}

// forbidden is what the content security policy would block, and what shows that
// something was escaped or written wrongly.
var forbidden = []string{" style=", " onclick=", " onload=", " hx-on", "js:", "javascript:", "ZgotmplZ", "<nil>", "%!", `<rect x="4" y="4" width="16" height="16"/>`}

func checkHTML(name, body string) []error {
	var errs []error
	for _, bad := range forbidden {
		if i := strings.Index(body, bad); i >= 0 {
			errs = append(errs, fmt.Errorf("page %s: %q in the page: …%s…", name, bad, body[max(0, i-60):min(len(body), i+60)]))
		}
	}
	return errs
}
