package ui

import (
	"html/template"
	"strings"
	"testing"
)

func TestTypedForm(t *testing.T) {
	for _, c := range []struct{ name, main, id, action, press string }{
		{"none", `<p>method="post"</p>`, "", "", ""},
		{"a button only", `<form method="post" action="/x"><input type="hidden" name="a" value="1"><button>x</button></form>`, "", "", ""},
		{"a view", `<form method="post" action="/views"><input class="ds-input" name="name"></form>`, "", "", ""},
		{"the one that asks most", `<form method="post" action="/a"><input name="x"></form><form method="post" action="/b"><textarea name="y"></textarea><select name="z"></select><button type="button">n</button><button formaction="/c">d</button></form>`, "typed", "/b", ` formaction="/c"`},
		{"the marked one", `<form method="post" action="/a" data-typed><input name="x"></form><form method="post" action="/b"><input name="y"><input name="z"></form>`, "typed", "/a", ""},
		{"an id of its own", `<form id="own" method="post" action="/a?b=1&amp;c=2"><input type="radio" name="x"></form>`, "own", "/a?b=1&c=2", ""},
		{"without an address", `<form method="post" class="x"><input name="x"></form>`, "typed", "/own?a=1&b", ""},
		{"cut off", `<form method="post" action="/a"><input name="x">`, "", "", ""},
	} {
		page, f := FindTyped(template.HTML(c.main), "/own?a=1&b")
		if f == nil {
			f = &TypedForm{}
		}
		main := string(page)
		if f.ID != c.id || f.Action != c.action || string(f.Press) != c.press {
			t.Errorf("%s: %+v", c.name, f)
		}
		if strings.Count(main, "<form") != strings.Count(main, ` action="/`) {
			t.Errorf("%s: a form would be sent to wherever the page stands: %s", c.name, main)
		}
		if has := strings.Count(main, `id="`+c.id+`"`); c.id != "" && has != 1 {
			t.Errorf("%s: the id stands %d times", c.name, has)
		}
	}
}
