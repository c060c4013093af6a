// Package find is the front room in which everything inside is found: one field,
// all rooms, both scripts. Each room answers for itself and shows what the asker
// may see and nothing else; counts count only that.
package find

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the page and its messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Hit is one thing found.
type Hit struct {
	Title, Href string
	Mono        bool
	Sub         []any // strings and components, as in ui.Name
	Marks       []any
}

// Room is one room's answer: at most n hits, and whether there are more. A room
// is left out for those whom Policy refuses.
type Room struct {
	Key, Icon string // message key of its name
	Policy    web.Policy
	All       func(who ident.Actor, q string) string // address of the room's own list for q
	Search    func(ctx context.Context, who ident.Actor, q string, n int) (hits []Hit, more bool, err error)
}

type pages struct {
	t     *web.Templates
	rooms []Room
}

// Routes declares the door of the room.
func Routes(m *web.Mux, rooms []Room) {
	p := &pages{t: m.Templates(Files), rooms: rooms}
	for _, x := range places {
		m.Handle(web.Route{Method: "GET", Pattern: x.base, Policy: web.Perm(x.perm), Reveals: "what each room shows the caller", Handler: p.search})
	}
}

// places are where the field stands, strongest first (program.md §4): each kind of
// people searches in its own part, with the same rooms behind it.
var places = []struct {
	base, perm string
	shell      ui.Shell
}{{"/console/search", "console.use", web.ShellConsole}, {"/administration/search", "admin.use", web.ShellConsole},
	{"/oversight/search", "oversight.use", web.ShellConsole}, {"/portal/search", "portal.use", web.ShellPortal}}

// At is where somebody searches, "" for who searches nowhere.
func At(who ident.Actor) string {
	for _, x := range places {
		if who.Can(x.perm) {
			return x.base
		}
	}
	return ""
}

type group struct {
	ID, Name, Icon string
	Rows           []row
	More           string // address of the room's own list
	Count          string // "6", or "6+" when there are more
}

// row is a hit with the words that were asked for marked in its title.
type row struct {
	Href  string
	Title []piece
	Mono  bool
	Sub   []any
	Marks []any
}

type piece struct {
	Text string
	Hit  bool
}

// pieces cuts a title at the words that begin as the query's do, in either script
// and without regard to case and diacritics.
func pieces(title, query string) (out []piece) {
	words := strings.Fields(i18n.Fold(query))
	put := func(text string, hit bool) {
		if n := len(out); n > 0 && out[n-1].Hit == hit {
			out[n-1].Text += text
			return
		}
		out = append(out, piece{text, hit})
	}
	for len(title) > 0 {
		letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
		end := strings.IndexFunc(title, letter)
		if end != 0 {
			if end < 0 {
				end = len(title)
			}
			put(title[:end], false)
			title = title[end:]
			continue
		}
		if end = strings.IndexFunc(title, func(r rune) bool { return !letter(r) }); end < 0 {
			end = len(title)
		}
		word := i18n.Fold(title[:end])
		put(title[:end], slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(word, w) }))
		title = title[end:]
	}
	return out
}

type searchPage struct {
	web.Page
	Query  string
	At     string
	Field  ui.Field
	Groups []group
	Empty  *ui.Empty
	Found  int64
	More   bool
}

// perRoom is how many hits a room shows here; its own list shows the rest.
const perRoom = 6

func (p *pages) search(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, r.URL.Query())
	page := &searchPage{Page: web.NewPage(r, shell(r), web.T(r, "find.title")), At: r.URL.Path, Query: f.Text("q", 200), Field: f.Field("q", "find.label")}
	page.Field.Type, page.Field.HideLabel, page.Field.Placeholder = "search", true, web.T(r, "find.hint")
	if page.Query == "" {
		page.Empty = &ui.Empty{Icon: "search", Title: web.T(r, "find.start"), Text: web.T(r, "find.start.text")}
		return p.t.Render(w, r, "search", page)
	}
	for _, room := range p.rooms {
		if !room.Policy.Allow(web.Actor(r)) {
			continue
		}
		hits, more, err := room.Search(r.Context(), web.Actor(r), page.Query, perRoom)
		if err != nil {
			return err
		}
		if len(hits) == 0 {
			continue
		}
		g := group{ID: "room-" + strconv.Itoa(len(page.Groups)), Name: web.T(r, room.Key), Icon: room.Icon, Count: strconv.Itoa(len(hits))}
		for _, h := range hits {
			x := row{Href: h.Href, Title: pieces(h.Title, page.Query), Mono: h.Mono, Marks: h.Marks}
			for _, v := range h.Sub {
				if v != "" {
					x.Sub = append(x.Sub, v)
				}
			}
			g.Rows = append(g.Rows, x)
		}
		if more {
			g.More, page.More, g.Count = room.All(web.Actor(r), page.Query), true, g.Count+"+"
		}
		page.Found += int64(len(hits))
		page.Groups = append(page.Groups, g)
	}
	if page.Found == 0 {
		page.Empty = &ui.Empty{Icon: "zoom-question", Title: web.T(r, "find.none", "q", strings.TrimSpace(page.Query)), Text: web.T(r, "find.none.text")}
	}
	return p.t.Render(w, r, "search", page)
}

func shell(r *http.Request) ui.Shell {
	for _, x := range places {
		if r.URL.Path == x.base {
			return x.shell
		}
	}
	return web.ShellPortal
}
