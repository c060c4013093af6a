package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/kernel/ident"
)

// NoticeEntry is one rule of a notice list: what is said, in which languages, when
// something of these fields is entered.
type NoticeEntry struct {
	Scope   []string          `json:"scope"` // "attribute", "event", "object"
	Field   []string          `json:"field"` // "type", "category"
	Value   []string          `json:"value"`
	Tags    []string          `json:"tags"`
	Message map[string]string `json:"message"` // by language: "en", "sr", "sr-Latn" …
}

// noticeFile is a notice list in upstream format.
type noticeFile struct {
	Name     string        `json:"name"`
	Expanded string        `json:"expanded_name"`
	Ref      []string      `json:"ref"`
	Area     []string      `json:"geographical_area"`
	Version  number        `json:"version"`
	Notice   []NoticeEntry `json:"notice"`
}

// Notice is what a notice list says of something that is entered.
type Notice struct {
	List string // the list's name
	Text string
	Lang string // of the text, as the list names it
	Ref  []string
}

func (p *parsed) notice() error {
	var f noticeFile
	if err := json.Unmarshal(p.body, &f); err != nil {
		return err
	}
	p.item.Kind, p.item.Key, p.item.Name, p.item.Description = NoticeList, strings.ToLower(f.Name), f.Name, f.Expanded
	p.item.Class, p.item.Entries, p.item.Enabled = strings.Join(f.Area, ", "), int64(len(f.Notice)), false // like MISP's, it says nothing until it is switched on
	return named(f.Name)
}

// row is an entry on a page: what it speaks of, and what it says in English.
func (e NoticeEntry) row() Row {
	text, _ := e.text("en")
	return Row{Name: strings.Join(e.Field, ", ") + ": " + strings.Join(e.Value, ", "), Description: text}
}

// says tells whether an entry speaks of an attribute of a type and category. Pure.
func (e NoticeEntry) says(typ, category string) bool {
	if !slices.Contains(e.Scope, "attribute") && len(e.Scope) > 0 {
		return false
	}
	for _, f := range e.Field {
		if f == "type" && slices.Contains(e.Value, typ) || f == "category" && slices.Contains(e.Value, category) {
			return true
		}
	}
	return false
}

// text is the entry's message in a language, else in a near one, else in English, else
// in the first there is. Pure.
func (e NoticeEntry) text(lang string) (text, of string) {
	short, _, _ := strings.Cut(lang, "-")
	for _, l := range []string{lang, short, "en"} {
		if t := e.Message[l]; t != "" {
			return t, l
		}
	}
	var all []string
	for l := range e.Message {
		all = append(all, l)
	}
	if len(all) == 0 {
		return "", ""
	}
	slices.Sort(all)
	return e.Message[all[0]], all[0]
}

// Notices is what the notice lists in force say of an attribute of a type and category
// that is being entered, each list once. Everybody with an account may ask.
func (s *Service) Notices(ctx context.Context, who ident.Actor, typ, category, lang string) (out []Notice, err error) {
	items, err := s.List(ctx, who, NoticeList)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if !it.Enabled {
			continue
		}
		f, err := s.noticeFile(ctx, who, itoa(it.ID))
		if err != nil {
			return nil, err
		}
		for _, e := range f.Notice {
			if !e.says(typ, category) {
				continue
			}
			if text, of := e.text(lang); text != "" {
				out = append(out, Notice{List: either(it.Description, it.Name), Text: text, Lang: of, Ref: f.Ref})
				break
			}
		}
	}
	return out, nil
}

func (s *Service) noticeFile(ctx context.Context, who ident.Actor, ref string) (f noticeFile, err error) {
	_, body, err := s.Get(ctx, who, NoticeList, ref)
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	return f, err
}

// NoticeListOf reads a notice list with its entries, sources and areas. Faults: NotFound.
func (s *Service) NoticeListOf(ctx context.Context, who ident.Actor, ref string) (it Item, entries []NoticeEntry, sources, areas []string, err error) {
	it, body, err := s.Get(ctx, who, NoticeList, ref)
	if err != nil {
		return it, nil, nil, nil, err
	}
	var f noticeFile
	err = json.Unmarshal(body, &f)
	return it, f.Notice, f.Ref, f.Area, err
}
