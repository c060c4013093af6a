package app

import (
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/vault"
)

// A receipt code of the wrong length is answered with a whole sentence, right for every
// plural form of Serbian.
func TestCodeOfWrongLength(t *testing.T) {
	t.Parallel()
	cat, err := i18n.NewCatalog(messageFiles()...)
	must(t, err)
	for n, want := range map[int][3]string{
		24: {"Недостаје 1 цифра.", "Nedostaje 1 cifra.", "1 digit is missing."}, 23: {"Недостају 2 цифре.", "Nedostaju 2 cifre.", "2 digits are missing."},
		20: {"Недостаје 5 цифара.", "Nedostaje 5 cifara.", "5 digits are missing."}, 14: {"Недостаје 11 цифара.", "Nedostaje 11 cifara.", "11 digits are missing."},
		4: {"Недостаје 21 цифра.", "Nedostaje 21 cifra.", "21 digits are missing."}, 3: {"Недостају 22 цифре.", "Nedostaju 22 cifre.", "22 digits are missing."},
		26: {"Уписана је 1 цифра више.", "Upisana je 1 cifra više.", "There is 1 digit too many."}, 27: {"Уписане су 2 цифре више.", "Upisane su 2 cifre više.", "There are 2 digits too many."},
		30: {"Уписано је 5 цифара више.", "Upisano je 5 cifara više.", "There are 5 digits too many."}, 0: {"Упишите код потврде.", "Upišite kod potvrde.", "Enter the receipt code."},
	} {
		_, err := vault.ParseCode(strings.Repeat("7", n))
		f := fault.Of(err)
		if f == nil {
			t.Fatalf("%d digits pass", n)
		}
		for i, l := range []i18n.Lang{i18n.SrCyrl, i18n.SrLatn, i18n.En} {
			said := cat.T(l, f.Fields["code"], f.Args...)
			if !strings.Contains(said, want[i]) || n > 0 && !strings.Contains(said, "25") {
				t.Errorf("%d digits in %s: %q", n, l, said)
			}
		}
	}
}

// One word per thing (look.md §11, the glossary): what other words would say twice.
func TestOneWordPerThing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ not, say string }{
		{`(?i)шифр(а|е|и|у|ом|ама)([^а-я]|$)`, "код"}, {`(?i)тикет`, "пријава"}, {`(?i)инцидент(а|и|у|ом)? број`, "број случаја"},
		{`(?i)(^|[^а-я])токен`, "веза или код"}, {`(?i)улогуј|логов`, "уђите"},
	} {
		re := regexp.MustCompile(c.not)
		seen := 0
		for _, f := range messageFiles() {
			must(t, fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, "sr-Cyrl.json") {
					return err
				}
				raw, err := fs.ReadFile(f, path)
				seen++
				for line := range strings.SplitSeq(string(raw), "\n") {
					if re.MatchString(line) {
						t.Errorf("%s: the word is %q", line, c.say)
					}
				}
				return err
			}))
		}
		if seen < 20 {
			t.Errorf("%d files of messages were read", seen)
		}
	}
}

// rawCode is what only programs say: a table, a kind of letter, a name with a room.
var rawCode = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b|\b(account|registry|intake|incident|intel|thread|mail|jobs|case|report|privacy|rule)\.[a-z]+\b`)

// spokenWords gives the words of a page that are not marked as another language or as what
// machines read.
func spokenWords(n *html.Node, out *[]string) {
	if n.Type == html.ElementNode {
		if slices.Contains([]string{"script", "style", "code", "kbd", "textarea", "option"}, n.Data) {
			return
		}
		for _, a := range n.Attr {
			if a.Key == "translate" && a.Val == "no" || a.Key == "lang" && !strings.HasPrefix(a.Val, "sr") {
				return
			}
		}
	}
	if n.Type == html.TextNode {
		*out = append(*out, n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		spokenWords(c, out)
	}
}

// Pages of administration and privacy say in words what a letter is for and where data
// stands; a raw code stands only where it is marked as one.
func TestPagesSpeakWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, officer, ana := w.person("admin", "CERT A"), w.person("privacy-officer", "CERT A"), w.person("analyst", "CERT A")
	for _, p := range []*persona{root, officer, ana} {
		w.do(p, "POST", "/language", "back=/&lang=sr-Cyrl")
	}
	look := func(at, body string, want ...string) {
		t.Helper()
		doc, err := html.Parse(strings.NewReader(body))
		must(t, err)
		var words []string
		spokenWords(doc, &words)
		text := strings.Join(words, " ")
		if m := rawCode.FindString(text); m != "" {
			t.Errorf("%s says %q", at, m)
		}
		for _, x := range want {
			if !strings.Contains(text, x) {
				t.Errorf("%s does not say %q", at, x)
			}
		}
	}
	if rec := w.do(root, "POST", "/administration/people/new", url.Values{"email": {"nova@primer.example"}, "name": {"Нова"}, "role": {"analyst"}, "org": {"CERT A"}}.Encode()); rec.Code >= 500 {
		t.Fatal(rec.Code)
	}
	for _, at := range []string{"/administration", "/administration/letters", "/administration/people"} {
		if rec := w.do(root, "GET", at, ""); rec.Code != 200 && rec.Code != 303 {
			t.Errorf("%s: %d", at, rec.Code)
		} else {
			look(at, rec.Body.String())
		}
	}
	rec := w.do(officer, "GET", "/oversight/privacy", "")
	look("the register", rec.Body.String(), "регистар организација", "налози и улаз")
	rec = w.do(officer, "POST", "/oversight/privacy/search", url.Values{"email": {"analyst@certa.example"}}.Encode())
	if rec.Code != 200 {
		t.Fatalf("a search: %d", rec.Code)
	}
	look("a search", rec.Body.String(), "налози и улаз: име, е-пошта")
	for _, at := range []string{"/console", "/console/reports", "/console/cases", "/console/search?q=k-case"} {
		rec := w.do(ana, "GET", at, "")
		doc, err := html.Parse(strings.NewReader(rec.Body.String()))
		must(t, err)
		var words []string
		spokenWords(doc, &words)
		if m := regexp.MustCompile(`\d min\b`).FindString(strings.Join(words, " ")); m != "" || rec.Code != 200 {
			t.Errorf("%s: %d, %q in Latin", at, rec.Code, m)
		}
	}
}
