package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserKeysGoThroughTheList: , and . go to the previous and next of the list that a
// report or case was opened from; without scripts the same links stand there.
func TestBrowserKeysGoThroughTheList(t *testing.T) {
	s := Demo(t)
	p := Open(t, s.Origin, Look{Lang: "en"})
	p.LogIn(s.Persona(t, "lead"))
	for _, list := range []string{"/console/reports?state=accepted", "/console/cases?state=&sort=opened"} {
		p.Visit(list)
		rows := Eval[[]string](p, `[...document.querySelectorAll("main tbody tr[data-href]")].map(r => r.dataset.href)`)
		if len(rows) < 50 {
			t.Fatalf("%s has %d rows", list, len(rows))
		}
		p.Visit(rows[0])
		for i, key := range []string{".", ".", ","} {
			want := rows[[]int{1, 2, 1}[i]]
			if p.Leave(chromedp.KeyEvent(key)); p.Where() != want {
				t.Errorf("%s: %q led to %s, want %s", list, key, p.Where(), want)
			}
		}
		p.Visit(rows[0])
		p.Press(",")
		if p.Where() != rows[0] || !p.Has(`.sz-near-end[data-key=","]`) {
			t.Errorf("before the first is %s", p.Where())
		}
		for _, c := range p.Complaints() {
			t.Error(c)
		}
	}
}

// TestBrowserTypedTextOutlivesTheLanguage: whoever switches the language in the middle of
// a report or a case goes on with what was typed, with scripts and without; Enter is
// still the form's own.
func TestBrowserTypedTextOutlivesTheLanguage(t *testing.T) {
	s := Demo(t)
	for _, still := range []bool{false, true} {
		p := Open(t, s.Origin, Look{Viewport: Small, Lang: "sr-Cyrl", NoScript: still})
		p.Visit("/sr-Cyrl/report/what")
		p.Click(`input[name="what"][value="password"]`)
		p.Follow(`.sz-langs [lang=en]`)
		if got := Eval[string](p, `document.documentElement.lang + (document.querySelector('[name=what]:checked') || {}).value`); got != "enpassword" {
			t.Errorf("scripts off %t: the report came back as %q", still, got)
		}
		p.Follow(`#typed button:not([name])`)
		p.Fill("main textarea", "Неко је „ушао” у мој налог")
		p.Follow(`.sz-langs [lang=sr-Latn]`)
		if got := Eval[string](p, `document.querySelector("main textarea").value`); got != "Неко је „ушао” у мој налог" {
			t.Errorf("scripts off %t: the story came back as %q", still, got)
		}
	}
	p := Open(t, s.Origin, Look{Lang: "en"})
	p.LogIn(s.Persona(t, "lead"))
	p.Visit("/console/cases/new")
	p.Fill(`input[name="title"]`, "Half a title")
	p.Click(".sz-side .sz-person summary")
	p.Follow(".sz-side .sz-langs [lang=sr-Latn]")
	if got := Eval[string](p, `document.documentElement.lang + document.querySelector("[name=title]").value`); got != "sr-LatnHalf a title" {
		t.Errorf("the new case came back as %q", got)
	}
	p.Fill(`input[name="title"]`, "A whole title")
	if p.Leave(chromedp.KeyEvent("\r")); !strings.HasPrefix(p.Where(), "/console/cases/S-") {
		t.Errorf("Enter led to %s", p.Where())
	}
}

// TestBrowserRowInPlace: E on the row of an event that the cursor is on changes it in its
// place, Esc gives up, Z takes the change back; the form in the row and the form that an
// object template makes are accessible.
func TestBrowserRowInPlace(t *testing.T) {
	s := Demo(t)
	p := Open(t, s.Origin, Look{Lang: "en"})
	p.LogIn(s.Persona(t, "lead"))
	const event = "/console/events/7d1f2a80-1c2b-4d5e-8f90-000000000003" // the demo's, with an object
	p.Visit(event)
	until := func(css string) {
		t.Helper()
		Eval[bool](p, `new Promise(done => { const look = () => document.querySelector(`+"`"+css+"`"+`) ? done(true) : requestAnimationFrame(look); look(); })`)
	}
	p.Press("j")
	before := Eval[string](p, `document.querySelector("tr[data-cursor]").innerText`)
	p.Press("e")
	until("[data-rowform]")
	if p.Where() != event || Eval[string](p, "document.activeElement.id") != "row-value" {
		t.Errorf("E led to %s, %s", p.Where(), p.Focus())
	}
	p.WantAccessible(t)
	p.Fill("#row-comment", "in its place")
	p.Press(kb.Escape)
	if got := Eval[string](p, `document.querySelector("tr[data-cursor]").innerText`); got != before || p.Has("[data-rowform]") {
		t.Errorf("after Esc the row says %q", got)
	}
	p.Press("e")
	until("[data-rowform]")
	p.Fill("#row-comment", "in its place")
	p.Press(kb.Enter)
	until(".sz-toast")
	if got := Eval[string](p, `document.querySelector("tr[data-cursor]").innerText`); !strings.Contains(got, "in its place") || p.Has("[data-rowform]") {
		t.Errorf("the row says %q", got)
	}
	if p.Leave(chromedp.KeyEvent("z")); strings.Contains(p.Text("main"), "in its place") { // at once: a toast leaves after eight seconds
		t.Error("the change is not taken back")
	}
	p.WantAccessible(t)
	p.Visit(event) // E is the row's only where somebody stands on one, and the list of keys says so
	p.Press("?")
	if keys := p.Text("#keys-more"); !strings.Contains(keys, "izmeni red na kome ste") || !strings.Contains(keys, "Izmenite događaj (kad niste ni na jednom redu)") {
		t.Errorf("the list of keys says %q", keys)
	}
	p.Press(kb.Escape)
	Eval[bool](p, `(document.querySelector("tr[data-edit] a").focus(), true)`) // the focus came there without J
	p.Press("e")
	until("[data-rowform]")
	p.Press(kb.Escape)
	Eval[bool](p, `(document.querySelector(".sz-head summary").focus(), true)`) // it left the list: the cursor stays, but nobody is there
	if p.Leave(chromedp.KeyEvent("e")); p.Where() != event+"/edit" {
		t.Errorf("E beside the rows led to %s", p.Where())
	}
	p.Visit(event + "/objects/new")
	p.Follow(`main tbody a`)
	p.WantAccessible(t)
	if n := p.Sideways(); n > 0 {
		t.Errorf("the form of a template is %d px too wide", n)
	}
	p.Visit(event) // the same form changes an object that is there
	p.Follow(`main tr.sz-group a[href*="/objects/"]`)
	p.WantAccessible(t)
	p.Fill(`main input[name="comment"]`, "by its form")
	if p.Follow(`main form .sz-acts button`); !strings.Contains(p.Text("main tr.sz-group"), "by its form") {
		t.Errorf("at %s the object is not changed", p.Where())
	}
	for _, c := range p.Complaints() {
		t.Error(c)
	}
}

// TestBrowserManyAtOnce: on a phone an event begins with its main act and one menu, and the
// bar under the table is one line; the ticked attributes are changed by one form and
// taken back as a whole by Z; without scripts the same is done by forms.
func TestBrowserManyAtOnce(t *testing.T) {
	s := Demo(t)
	const event = "/console/events/7d1f2a80-1c2b-4d5e-8f90-000000000003"
	for _, still := range []bool{false, true} {
		p := Open(t, s.Origin, Look{Viewport: Small, Lang: "en", NoScript: still})
		p.LogIn(s.Persona(t, "lead"))
		p.Visit(event)
		if n := Eval[int](p, `new Set([...document.querySelectorAll(".sz-head-line .ds-button")].filter(b => !b.closest(".sz-drop-body")).map(b => Math.round(b.getBoundingClientRect().top))).size`); n != 1 {
			t.Errorf("the acts of an event stand in %d rows", n)
		}
		p.Click(".sz-head .sz-menuacts > summary")
		if !p.Has(`.sz-head .sz-menuacts[open] a[href$="/export"]`) {
			t.Error("the menu does not open")
		}
		p.Click(".sz-head .sz-menuacts > summary")
		for i := 1; i <= 2; i++ {
			Eval[bool](p, `(document.querySelectorAll(".sz-col-tick input")[`+strconv.Itoa(i)+`].click(), true)`)
		}
		if n := Eval[int](p, `document.querySelector(".sz-bulk").offsetHeight`); n > 64 {
			t.Errorf("the bar under the table is %d px high", n)
		}
		p.Click(".sz-bulk .sz-menuacts > summary")
		if !still {
			p.WantAccessible(t)
		}
		p.Follow(`.sz-bulk .sz-menuacts button[value="edit"]`)
		p.WantAccessible(t)
		if n := p.Sideways(); n > 0 {
			t.Errorf("the form is %d px too wide", n)
		}
		p.Fill(`main input[name="comment"]`, "many at once")
		p.Follow(`main form .sz-acts button`)
		if text := p.Text("main"); p.Where() != event || strings.Count(text, "many at once") != 2 {
			t.Errorf("at %s the comment stands %d times", p.Where(), strings.Count(text, "many at once"))
		}
		if still {
			p.Follow(".sz-toast form button")
		} else {
			p.Leave(chromedp.KeyEvent("z"))
		}
		if strings.Contains(p.Text("main"), "many at once") {
			t.Error("the change is not taken back")
		}
		for _, c := range p.Complaints() {
			t.Error(c)
		}
	}
}
