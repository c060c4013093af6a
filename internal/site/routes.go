package site

import (
	"context"
	"embed"
	"net/http"

	"straza/internal/advisory"
	"straza/internal/craft/pack"
	"straza/internal/intake"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Packs are the texts of the public site.
//
//go:embed texts/*.yaml
var Packs embed.FS

// Advisories says what is dangerous today.
type Advisories interface {
	InForce(ctx context.Context, who ident.Actor) ([]advisory.Advisory, error)
}

type pages struct {
	t     *web.Templates
	s     *intake.Service
	adv   Advisories
	texts func() *Texts
}

// Texts are the pages of text and the lessons.
type Texts struct {
	Pages   []textPage `yaml:"pages"`
	Lessons []textPage `yaml:"lessons"`
	Help    []textPage `yaml:"help"`
}

type textPage struct {
	ID       string        `yaml:"id"`
	Icon     string        `yaml:"icon"`
	Title    i18n.Text     `yaml:"title"`
	Lead     i18n.Text     `yaml:"lead"`
	Sections []textSection `yaml:"sections"`
}

type textSection struct {
	Title i18n.Text   `yaml:"title"`
	Text  []i18n.Text `yaml:"text"`
	Steps []i18n.Text `yaml:"steps"`
	Facts []textFact  `yaml:"facts"`
	Code  string      `yaml:"code"`
}

type textFact struct {
	Name i18n.Text `yaml:"name"`
	Text i18n.Text `yaml:"text"`
}

// OpenTexts reads the texts in force on a day. Faults name file and line.
func OpenTexts(shelf *pack.Shelf, day string) (*Texts, error) {
	t := &Texts{}
	for _, name := range []string{"site.pages", "site.lessons", "site.help"} {
		if p, ok := shelf.At(name, day); ok {
			if err := p.Decode(t); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, s *intake.Service, adv Advisories, texts func() *Texts) {
	p := &pages{t: m.Templates(Files), s: s, adv: adv, texts: texts}
	get := func(pattern, limit, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Policy: web.Public, Localized: true, Reveals: reveals, Limit: limit, Handler: h}
	}
	post := func(pattern, limit string, body int64, h web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Policy: web.Public, Localized: true, Mutates: true, Body: body, Limit: limit,
			Reveals: "the caller's own draft or report", Handler: h}
	}
	const own = "the caller's own draft"
	m.Handle(
		get("/", "", "published warnings and public numbers", p.home),
		get("/report", "form", own, p.begin),
		get("/report/{page}", "form", own, p.show),
		post("/report/leave", "form", 8<<10, p.leave),
		post("/report/send", "report", 64<<10, p.send),
		post("/report/{page}", "form", -1, p.save), // files are limited by the CERT's setting
		get("/follow-up", "form", "nothing", p.askCode),
		post("/follow-up", "code", 8<<10, p.enterCode),
		get("/follow-up/report", "code", "the report of the caller's code", p.follow),
		post("/follow-up/report", "code", -1, p.reply),
		get("/follow-up/files/{id}", "code", "a file of the report of the caller's code", p.file),
		post("/follow-up/leave", "form", 8<<10, p.leaveFollow),
		get("/advice", "", "texts", p.lessons),
		get("/advice/{id}", "", "texts", p.lesson),
		get("/help", "", "texts", p.help),
		get("/help/{id}", "", "texts", p.helpPage),
	)
	m.Handle(web.Route{Method: http.MethodGet, Pattern: "/.well-known/security.txt", Policy: web.Public, Reveals: "public contacts", Handler: p.security})
	for _, x := range texts().Pages { // a page that a later pack adds gets its door at the next start
		m.Handle(get("/"+x.ID, "", "texts and public contacts", p.text(x.ID)))
	}
}
