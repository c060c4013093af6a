package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserIndicatorsTogether: rows of several events are ticked in the list of
// indicators and changed by one press; Z, or the toast without scripts, takes it back; the
// list stands as it was asked for.
func TestBrowserIndicatorsTogether(t *testing.T) {
	s := Demo(t)
	const list = "/console/indicators?type=domain"
	for _, still := range []bool{false, true} {
		p := Open(t, s.Origin, Look{Viewport: Small, Lang: "en", NoScript: still})
		p.LogIn(s.Persona(t, "lead"))
		p.Speak("en") // an account has a language of its own
		p.Visit(list)
		tick := func(n int) {
			for i := range n {
				Eval[bool](p, `(document.querySelectorAll(".sz-col-tick input")[`+strconv.Itoa(i)+`].click(), true)`)
			}
		}
		tick(2)
		if n := Eval[int](p, `document.querySelector(".sz-bulk").offsetHeight`); n > 64 {
			t.Errorf("the bar under the table is %d px high", n)
		}
		if n := p.Sideways(); n > 0 {
			t.Errorf("the list is %d px too wide", n)
		}
		if !still {
			p.WantAccessible(t)
		}
		p.Follow(`.sz-bulk > button[value="tag"]`)
		p.WantAccessible(t)
		p.Fill(`main input[name="tag"]`, "together")
		p.Follow(`main form .sz-acts button`)
		if p.Where() != list || !strings.Contains(p.Text(".sz-toast"), "Changed") {
			t.Errorf("at %s: %q", p.Where(), p.Text(".sz-toast"))
		}
		if strings.Contains(p.Text("main"), "does not know") {
			t.Error("the list is asked for something that it does not know")
		}
		if still {
			p.Follow(".sz-toast form button")
		} else {
			p.Leave(chromedp.KeyEvent("z"))
		}
		if p.Where() != list || !strings.Contains(p.Text(".sz-toast"), "Undone") {
			t.Errorf("at %s after the undo: %q", p.Where(), p.Text(".sz-toast"))
		}
		if !still {
			tick(1)
			if p.Leave(chromedp.KeyEvent("s")); !strings.Contains(p.Text(".sz-toast"), "Reported: 1 attribute.") {
				t.Errorf("S says %q", p.Text(".sz-toast"))
			}
			p.Leave(chromedp.KeyEvent("z"))
		}
		for _, c := range p.Complaints() {
			t.Error(c)
		}
	}
}
