package find

import (
	"strings"
	"testing"
	"unicode/utf8"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	rows := []row{{Title: pieces("Капија 400", "kapija"), Href: "/console/events/1", Sub: []any{"ЦЕРТ"}}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{"search": {
		&searchPage{Empty: &ui.Empty{Icon: "search", Title: "Упишите"}}, &searchPage{Groups: []group{{"room-0", "Догађаји", "affiliate", rows, "/console/events?q=x", "1+"}}, Found: 1, More: true}}}, Files); err != nil {
		t.Error(err)
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ title, query, want string }{
		{"Упад преко уређаја Капија 400", "kapija 400", "Упад преко уређаја [Капија] [400]"},
		{"Kapiju čuva Đorđe", "ђорђе", "Kapiju čuva [Đorđe]"},
		{"update-kapija.example", "kapija", "update-[kapija].example"},
		{"", "x", ""}, {"ништа", "", "ништа"},
	} {
		got := ""
		for _, p := range pieces(x.title, x.query) {
			if p.Hit {
				got += "[" + p.Text + "]"
			} else {
				got += p.Text
			}
		}
		if got != x.want {
			t.Errorf("%q in %q: %s, want %s", x.query, x.title, got, x.want)
		}
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"x[.]example": "x.example", "hxxp://x[.]example/a": "http://x.example/a", "user[at]x(.)example": "user@x.example", "  а   б ": "а б",
		"упад hxxps://x[.]rs": "упад https://x.rs", "[нешто]": "[нешто]", "": "",
	} {
		if got := asked(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{"%": false, `"`: false, "_": false, "%%__": false, "-.": false, "": false, "a%": true, "ж": true, "7": true} {
		if hasWord(in) != want {
			t.Errorf("%q has a word: %v", in, !want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("реч ", 60) + "ковачница " + strings.Repeat("други ", 60)
	for _, x := range []struct{ text, query string }{{long, "kovacnica"}, {long, "нема"}, {strings.Repeat("а", 500), "kovacnica"}, {strings.Repeat("а", 500) + " ковачница", "kovačnica"}, {"", "x"}} {
		got := excerpt(x.text, x.query)
		if n := utf8.RuneCountInString(got); n > excerptLen+4 || strings.Contains(x.text, "ковачница") && x.query != "нема" && !strings.Contains(got, "ковачница") {
			t.Errorf("%q of %d characters: %q", x.query, n, got)
		}
	}
	if got := excerpt(long, "kovacnica"); !strings.HasPrefix(got, "… реч") || !strings.HasSuffix(got, "други …") {
		t.Errorf("cut within a word: %q", got)
	}
	if got := excerpt("кратак\n текст", "x"); got != "кратак текст" {
		t.Errorf("%q", got)
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("реч ковачница", "kova")
	f.Fuzz(func(t *testing.T, text, query string) {
		if got := excerpt(text, query); utf8.RuneCountInString(got) > excerptLen+4 {
			t.Errorf("%d characters", utf8.RuneCountInString(got))
		}
	})
}
