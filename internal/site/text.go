package site

import (
	"net/http"
	"slices"
	"strings"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type textView struct {
	web.Page
	Lead     string
	Sections []sectionView
	Back     bool // a lesson: the way to all lessons, and to the report
	Help     bool // a page of help: the way to all of it
	Others   []card
}

type sectionView struct {
	Title string
	Text  []string
	Steps []string
	Facts []factView
	Code  string
}

// factView is a word with its meaning.
type factView struct{ Name, Text string }

type lessonsPage struct {
	web.Page
	Lead    string
	Lessons []card
}

// text shows a page of text with the CERT's own contacts put in.
func (p *pages) text(id string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		all := p.texts().Pages
		i := slices.IndexFunc(all, func(x textPage) bool { return x.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "no page %s in the texts in force", id)
		}
		pub, err := p.s.Public(r.Context(), web.Actor(r))
		if err != nil {
			return err
		}
		return p.t.Render(w, r, "text", p.textView(r, all[i], fill(r, pub)))
	}
}

// fill puts what is data into a text: {cert}, {phone}, {email}, {address}, {privacy}.
func fill(r *http.Request, pub intake.Public) *strings.Replacer {
	or := func(s string) string {
		if s == "" {
			return web.T(r, "site.unset")
		}
		return s
	}
	return strings.NewReplacer("{cert}", or(pub.Name), "{phone}", or(pub.Phone), "{email}", or(pub.Email), "{address}", or(pub.Address), "{privacy}", or(pub.Privacy))
}

func (p *pages) textView(r *http.Request, x textPage, put *strings.Replacer) *textView {
	l := web.Lang(r)
	say := func(t i18n.Text) string { return put.Replace(t.In(l)) }
	page := &textView{Page: web.NewPage(r, web.ShellPublic, say(x.Title)), Lead: say(x.Lead)}
	for _, s := range x.Sections {
		v := sectionView{Title: say(s.Title)}
		for _, t := range s.Text {
			v.Text = append(v.Text, say(t))
		}
		for _, t := range s.Steps {
			v.Steps = append(v.Steps, say(t))
		}
		for _, t := range s.Facts {
			v.Facts = append(v.Facts, factView{say(t.Name), say(t.Text)})
		}
		v.Code = put.Replace(s.Code)
		page.Sections = append(page.Sections, v)
	}
	return page
}

// help lists the pages of help; they name no installation's secrets, so anyone may read.
func (p *pages) help(w http.ResponseWriter, r *http.Request) error {
	page := &lessonsPage{Page: web.NewPage(r, web.ShellPublic, web.T(r, "site.help")), Lead: web.T(r, "site.help.lead"), Lessons: p.helpCards(r, "")}
	return p.t.Render(w, r, "lessons", page)
}

func (p *pages) helpCards(r *http.Request, but string) (out []card) {
	for _, t := range p.texts().Help {
		if t.ID != but {
			out = append(out, card{web.Path(r, "/help/"+t.ID), t.Icon, t.Title.In(web.Lang(r)), t.Lead.In(web.Lang(r))})
		}
	}
	return out
}

func (p *pages) helpPage(w http.ResponseWriter, r *http.Request) error {
	for _, t := range p.texts().Help {
		if t.ID == r.PathValue("id") {
			page := p.textView(r, t, strings.NewReplacer("{origin}", web.Origin(r)))
			page.Help, page.Others = true, p.helpCards(r, t.ID)
			return p.t.Render(w, r, "text", page)
		}
	}
	return fault.New(fault.NotFound, "no such page of help")
}

func (p *pages) lessons(w http.ResponseWriter, r *http.Request) error {
	page := &lessonsPage{Page: web.NewPage(r, web.ShellPublic, web.T(r, "site.home.learn"))}
	for _, t := range p.texts().Lessons {
		page.Lessons = append(page.Lessons, card{web.Path(r, "/advice/"+t.ID), t.Icon, t.Title.In(web.Lang(r)), t.Lead.In(web.Lang(r))})
	}
	return p.t.Render(w, r, "lessons", page)
}

func (p *pages) lesson(w http.ResponseWriter, r *http.Request) error {
	for _, t := range p.texts().Lessons {
		if t.ID == r.PathValue("id") {
			page := p.textView(r, t, strings.NewReplacer())
			page.Back = true
			page.Crumbs = []ui.Crumb{{Label: web.T(r, "site.home.learn"), Href: web.Path(r, "/advice")}, {Label: page.Title}}
			return p.t.Render(w, r, "text", page)
		}
	}
	return fault.New(fault.NotFound, "no such lesson")
}
