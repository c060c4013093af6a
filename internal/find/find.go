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

	"straza/internal/format/misp"
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
	Text        string // what holds the words, when the title does not: shown in part
	Sub         []any  // strings and components, as in ui.Name
	Marks       []any
}

// Room is one room's answer: at most n hits, and whether there are more. A room
// is left out for those whom Policy refuses.
type Room struct {
	Key, Icon string // message key of its name
	Policy    web.Policy
	All       func(who ident.Actor, q string) string // address of the room's own list for q; nil = it has none
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
	Text  []piece
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

// longest is how much may be asked, in characters.
const longest = 200

// asked is what the rooms are asked for: disarmed addresses armed again, because they
// are stored so.
func asked(q string) string {
	words := strings.Fields(q)
	for i, w := range words {
		words[i] = misp.Refang(w)
	}
	return strings.Join(words, " ")
}

// hasWord tells whether there is anything to look for: a % or _ alone is no word, and
// to some rooms it would mean everything.
func hasWord(q string) bool {
	return strings.ContainsFunc(q, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

func (p *pages) search(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, r.URL.Query())
	page := &searchPage{Page: web.NewPage(r, shell(r), web.T(r, "find.title")), At: r.URL.Path, Query: f.Text("q", longest)}
	f.Fail(nil)
	page.Field = f.Field("q", "find.label")
	page.Field.Type, page.Field.HideLabel, page.Field.Placeholder = "search", true, web.T(r, "find.hint")
	page.Query = asked(page.Query)
	switch {
	case f.Error("q") != "":
		page.Field.Error = web.T(r, "find.long", "n", longest)
		page.Empty = &ui.Empty{Icon: "zoom-question", Title: page.Field.Error, Text: web.T(r, "find.long.text")}
	case page.Query == "":
		page.Empty = &ui.Empty{Icon: "search", Title: web.T(r, "find.start"), Text: web.T(r, "find.start.text")}
	case !hasWord(page.Query):
		page.Empty = &ui.Empty{Icon: "zoom-question", Title: web.T(r, "find.signs"), Text: web.T(r, "find.start.text")}
	default:
		if err := p.fill(r, page); err != nil {
			return err
		}
	}
	return p.t.Render(w, r, "search", page)
}

// fill asks every room that the caller may ask.
func (p *pages) fill(r *http.Request, page *searchPage) error {
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
			g.Rows = append(g.Rows, rowOf(h, page.Query))
		}
		if more {
			g.Count, page.More = g.Count+"+", true
			if room.All != nil {
				g.More = room.All(web.Actor(r), page.Query)
			}
		}
		page.Found += int64(len(hits))
		page.Groups = append(page.Groups, g)
	}
	if page.Found == 0 {
		page.Empty = &ui.Empty{Icon: "zoom-question", Title: web.T(r, "find.none", "q", strings.TrimSpace(page.Query)), Text: web.T(r, "find.none.text")}
	}
	return nil
}

func rowOf(h Hit, query string) row {
	x := row{Href: h.Href, Title: pieces(h.Title, query), Mono: h.Mono, Marks: h.Marks}
	if h.Text != "" {
		x.Text = pieces(excerpt(h.Text, query), query)
	}
	for _, v := range h.Sub {
		if v != "" {
			x.Sub = append(x.Sub, v)
		}
	}
	return x
}

// excerptLen is how much of a longer text a hit shows, in characters.
const excerptLen = 160

// excerpt cuts a text around the first word that the query asks for, at blanks.
func excerpt(text, query string) string {
	text = strings.Join(strings.Fields(text), " ")
	rs := []rune(text)
	if len(rs) <= excerptLen {
		return text
	}
	at := 0
	for _, p := range pieces(text, query) {
		if p.Hit {
			break
		}
		at += len([]rune(p.Text))
	}
	if at >= len(rs) {
		at = 0
	}
	from := max(0, min(at-excerptLen/3, len(rs)-excerptLen))
	for from > 0 && from < at && rs[from-1] != ' ' {
		from++
	}
	to := min(len(rs), from+excerptLen)
	for to < len(rs) && to > at+1 && rs[to] != ' ' {
		to--
	}
	out := strings.TrimSpace(string(rs[from:to]))
	if from > 0 {
		out = "… " + out
	}
	if to < len(rs) {
		out += " …"
	}
	return out
}

func shell(r *http.Request) ui.Shell {
	for _, x := range places {
		if r.URL.Path == x.base {
			return x.shell
		}
	}
	return web.ShellPortal
}
