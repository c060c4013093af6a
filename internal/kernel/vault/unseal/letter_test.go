package unseal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
)

const address = "prijavilac.tajni@example.rs"

func (st *stage) letter(id string) Letter {
	st.t.Helper()
	box, err := st.v.SealAddress("rec-1", address)
	if err != nil {
		st.t.Fatal(err)
	}
	return Letter{ID: id, Record: "rec-1", Address: box, Template: "message", Number: "P-2026-000123", Link: origin + "/sr-Cyrl/follow-up", Lang: "sr-Cyrl"}
}

func TestPostmanSendsEveryLetterInEveryLanguage(t *testing.T) {
	st := newStage(t)
	n := 0
	for _, template := range Templates() {
		for _, lang := range []string{"sr-Cyrl", "sr-Latn", "en"} {
			st.move(10 * time.Minute) // the rate for one address
			n++
			l := st.letter(fmt.Sprint("letter-", n))
			l.Template, l.Lang = template, lang
			if _, err := st.c.Post(t.Context(), l); err != nil {
				t.Fatalf("%s %s: %v", template, lang, err)
			}
			m := st.mail[n-1]
			if m.To != address || m.Lang != lang || !strings.Contains(m.Subject, l.Number) || !strings.Contains(m.Text, "\n"+l.Link+"\n") || strings.ContainsAny(m.Subject+m.Text, "{}") {
				t.Errorf("%s %s: %+v", template, lang, m)
			}
			text := strings.NewReplacer(l.Link, "", l.Number, "", "Национални ЦЕРТ", "").Replace(m.Subject + m.Text)
			for _, r := range text {
				if unicode.IsLetter(r) && unicode.Is(unicode.Cyrillic, r) != (lang == "sr-Cyrl") {
					t.Errorf("%s %s: letter %q of the other script", template, lang, r)
					break
				}
			}
		}
	}
	if strings.Contains(st.logText(), "tajni") {
		t.Error("the log holds the address")
	}
}

func TestPostmanTakesNothingButNumberAndLink(t *testing.T) {
	st := newStage(t)
	for name, change := range map[string]func(*Letter){
		"unknown template":     func(l *Letter) { l.Template = "free" },
		"unknown language":     func(l *Letter) { l.Lang = "sr" },
		"text as number":       func(l *Letter) { l.Number = "Кликните овде" },
		"header in the number": func(l *Letter) { l.Number = "P-2026-000123\r\nBcc: x@evil" },
		"foreign link":         func(l *Letter) { l.Link = "https://evil.example/follow-up" },
		"link with a trick":    func(l *Letter) { l.Link = "https://straza.test@evil.example/" },
		"link with a query":    func(l *Letter) { l.Link += "?text=Pozovite+nas" },
		"link with a fragment": func(l *Letter) { l.Link += "#x" },
		"link with text":       func(l *Letter) { l.Link += "/Pozovite nas odmah" },
		"link over http":       func(l *Letter) { l.Link = "http://straza.test/x" },
		"link to another port": func(l *Letter) { l.Link = "https://straza.test:444/x" },
		"long link":            func(l *Letter) { l.Link += strings.Repeat("a", 300) },
		"no id":                func(l *Letter) { l.ID = "" },
		"another's address":    func(l *Letter) { l.Record = "rec-2" },
		"a damaged address":    func(l *Letter) { l.Address[len(l.Address)-1] ^= 1 },
		"a report as address": func(l *Letter) {
			l.Address = st.seal(vault.Label{Kind: vault.KindReport, Record: "rec-1"}, "", []byte("x@y.z"))
		},
	} {
		l := st.letter(name)
		change(&l)
		if _, err := st.c.Post(t.Context(), l); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "tajni") {
			t.Errorf("%s: the error gives the address away", name)
		}
	}
	if len(st.mail) != 0 {
		t.Errorf("%d letters went out", len(st.mail))
	}
}

func TestPostmanErrorsTellNothing(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	for _, c := range []struct {
		fail error
		want fault.Kind
	}{
		{errors.New("451 4.2.1 <" + address + "> try later"), fault.Unavailable},
		{fault.New(fault.Invalid, "550 no such user %s", address), fault.Invalid},
	} {
		st.fail = c.fail
		_, err := st.c.Post(ctx, st.letter("a"))
		if !fault.Is(err, c.want) || strings.Contains(err.Error(), "example") {
			t.Errorf("%v", err)
		}
	}
	st.fail = nil
	first, err := st.c.Post(ctx, st.letter("a")) // a failed letter may be tried again
	if err != nil || len(st.mail) != 1 {
		t.Fatalf("%d letters, %v", len(st.mail), err)
	}
	if again, err := st.c.Post(ctx, st.letter("a")); err != nil || len(st.mail) != 1 || again.Seq < first.Seq {
		t.Errorf("a repeated job sent %d letters, %v", len(st.mail), err)
	}
	if strings.Contains(st.logText(), "tajni") || !strings.Contains(st.logText(), "not sent: unavailable") {
		t.Error("log")
	}
	if !strings.Contains(st.logText(), `"time":"2026-11-22T09:00:00Z","act":"post"`) {
		t.Error("the time of a letter is not rounded to the hour")
	}
}

func TestPostmanRates(t *testing.T) {
	st, ctx := newStage(t, func(c *Config) { c.Limits = Limits{Letters: 5, ToOne: 3} }), t.Context()
	for i := range 3 {
		if _, err := st.c.Post(ctx, st.letter(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.c.Post(ctx, st.letter("4th to one address")); !fault.Is(err, fault.Limited) {
		t.Errorf("to one address: %v", err)
	}
	other, err := st.v.SealAddress("rec-1", "drugi@example.rs")
	if err != nil {
		t.Fatal(err)
	}
	l := st.letter("5")
	l.Address = other
	if _, err := st.c.Post(ctx, l); err != nil {
		t.Errorf("another address: %v", err)
	}
	l.ID = "6"
	_, err = st.c.Post(ctx, l)
	if f := fault.Of(err); f == nil || f.Kind != fault.Limited || f.RetryAfter <= 0 {
		t.Errorf("over the rate of all: %v", err)
	}
	st.move(time.Hour)
	if _, err := st.c.Post(ctx, st.letter("later")); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestPostmanWithoutMail(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Send = nil })
	if _, err := st.c.Post(t.Context(), st.letter("a")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func FuzzOwnLink(f *testing.F) {
	f.Add("https://straza.test/sr-Cyrl/follow-up")
	f.Add("https://straza.test@evil/")
	s := newPostman(Config{}, mustURL(f, origin), nil)
	f.Fuzz(func(t *testing.T, link string) {
		if s.ownLink(link) && (!strings.HasPrefix(link, origin+"/") || strings.ContainsAny(link, " \r\n\t<>\"'?#@\\")) {
			t.Fatalf("%q passes", link)
		}
	})
}
