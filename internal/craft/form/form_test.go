package form

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/craft/pack"
)

const sample = `pack: test.form
version: 3
from: 2026-01-01
source: own
body:
  title: {sr-Cyrl: Проба, en: Test}
  facts: [open]
  pages:
    - id: one
      title: {sr-Cyrl: Прва, en: First}
      questions:
        - {name: kind, kind: choice, label: {sr-Cyrl: Врста, en: Kind}, needed: true, options: [{value: a, label: {sr-Cyrl: А, en: A}}, {value: b, label: {sr-Cyrl: Б, en: B}, when: open}]}
        - {name: why, kind: area, label: {sr-Cyrl: Зашто, en: Why}, when: kind = "a", max: 10}
    - id: two
      title: {sr-Cyrl: Друга, en: Second}
      when: kind = "a"
      questions:
        - {name: email, kind: email, label: {sr-Cyrl: Пошта, en: Mail}}
        - {name: phone, kind: phone, label: {sr-Cyrl: Телефон, en: Phone}}
        - {name: tags, kind: many, label: {sr-Cyrl: Ознаке, en: Tags}, options: [{value: x, label: {sr-Cyrl: Икс, en: X}}, {value: y, label: {sr-Cyrl: Ипсилон, en: Y}}]}
        - {name: total, kind: number, label: {sr-Cyrl: Број, en: Number}, needed: tags has "x"}
        - {name: when, kind: moment, label: {sr-Cyrl: Када, en: When}}
        - {name: sure, kind: yesno, label: {sr-Cyrl: Сигурно, en: Sure}}
      rules:
        - {when: not known(email) and not known(phone), field: email, text: {sr-Cyrl: Упишите једно, en: Give one}}
    - id: three
      title: {sr-Cyrl: Трећа, en: Third}
      when: total > 3
      questions:
        - {name: last, kind: text, label: {sr-Cyrl: Последње, en: Last}}
`

func load(t *testing.T, text string) (*Form, error) {
	t.Helper()
	p, err := pack.Parse("form.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(p)
}

func known(f *Form, a Answers, open bool) Known {
	return Known{Form: f, Answers: a, Extra: pack.Map{"open": pack.Yes(open)}}
}

func TestPagesFollowAnswers(t *testing.T) {
	t.Parallel()
	f, err := load(t, sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a    Answers
		want string
	}{
		{nil, "one"},
		{Answers{"kind": {"b"}}, "one"},
		{Answers{"kind": {"a"}}, "one two"},
		{Answers{"kind": {"a"}, "total": {"4"}}, "one two three"},
		{Answers{"kind": {"a"}, "total": {"x"}}, "one two"},
	} {
		var ids []string
		for _, p := range f.Visible(known(f, c.a, true)) {
			ids = append(ids, p.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%v: pages %s, want %s", c.a, got, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f, err := load(t, sample)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		page string
		a    Answers
		open bool
		want string
	}{
		"needed":             {"one", nil, true, "kind:form.needed.choice"},
		"offered":            {"one", Answers{"kind": {"b"}}, true, ""},
		"not offered":        {"one", Answers{"kind": {"b"}}, false, "kind:form.choice"},
		"never offered":      {"one", Answers{"kind": {"c"}}, true, "kind:form.choice"},
		"too long":           {"one", Answers{"kind": {"a"}, "why": {strings.Repeat("ж", 11)}}, true, "why:form.long"},
		"long enough":        {"one", Answers{"kind": {"a"}, "why": {strings.Repeat("ж", 10)}}, true, ""},
		"not asked":          {"one", Answers{"kind": {"b"}, "why": {strings.Repeat("ж", 11)}}, true, ""},
		"rule":               {"two", Answers{"kind": {"a"}}, true, "email:Give one"},
		"rule met by phone":  {"two", Answers{"kind": {"a"}, "phone": {"+381 64 123-456"}}, true, ""},
		"field before rule":  {"two", Answers{"kind": {"a"}, "email": {"x"}}, true, "email:form.email"},
		"phone of letters":   {"two", Answers{"kind": {"a"}, "phone": {"064 abc 123"}}, true, "phone:form.phone"},
		"phone too short":    {"two", Answers{"kind": {"a"}, "phone": {"12345"}}, true, "phone:form.phone"},
		"needed by a choice": {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "tags": {"x", "y"}}, true, "total:form.needed.text"},
		"one of many":        {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "tags": {"y", "z"}}, true, "tags:form.choice"},
		"number":             {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "total": {"два"}}, true, "total:form.number"},
		"moment":             {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "when": {"2026-13-01T10:00"}}, true, "when:form.moment"},
		"good moment":        {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "when": {"2026-11-01T10:00"}}, true, ""},
		"yes or no":          {"two", Answers{"kind": {"a"}, "email": {"a@b.rs"}, "sure": {"maybe"}}, true, "sure:form.choice"},
	} {
		p, _ := f.Page(c.page)
		var got []string
		for _, pr := range p.Check(known(f, c.a, c.open)) {
			got = append(got, pr.Field+":"+pr.Key+pr.Text["en"])
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"ana@primer.rs": true, "a.b+c@x.co.rs": true, "јован@пример.срб": true, "ana": false, "ana@": false,
		"ana@primer": false, "Ana <ana@primer.rs>": false, "ana@primer.rs, b@c.rs": false, "a@[127.0.0.1]": false, "a b@c.rs": false, "a@b.rs\nBcc: x@y.rs": false} {
		if isEmail(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}

func TestCleanDropsWhatIsNotAsked(t *testing.T) {
	t.Parallel()
	f, err := load(t, sample)
	if err != nil {
		t.Fatal(err)
	}
	all := Answers{"kind": {"a"}, "why": {"x"}, "email": {"a@b.rs"}, "total": {"5"}, "last": {"z"}, "phone": {""}}
	if diff := cmp.Diff(Answers{"kind": {"a"}, "why": {"x"}, "email": {"a@b.rs"}, "total": {"5"}, "last": {"z"}}, f.Clean(known(f, all, true))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Answers{"kind": {"b"}}, f.Clean(known(f, all.With("kind", "b"), true))); diff != "" {
		t.Errorf("after a change of mind:\n%s", diff)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	f, err := load(t, sample)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := f.Page("one")
	a := p.Read(known(f, Answers{"kind": {"a"}, "other": {"stays"}}, true), map[string][]string{"kind": {" a ", "b"}, "why": {"један\r\nдва\x00\x1b\xff "}, "foreign": {"x"}})
	if diff := cmp.Diff(Answers{"kind": {"a"}, "why": {"један\nдва"}, "other": {"stays"}}, a); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenForms(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"unknown kind":          {"kind: email", "kind: mail"},
		"unknown name":          {`kind = "a", max`, `kin = "a", max`},
		"twice the same name":   {"name: phone", "name: email"},
		"twice the same page":   {"id: two", "id: one"},
		"choice without":        {"kind: yesno", "kind: choice"},
		"one language":          {"{sr-Cyrl: Пошта, en: Mail}", "{en: Mail}"},
		"rule of another page":  {"field: email", "field: kind"},
		"twice the same option": {"value: y", "value: x"},
		"broken condition":      {"when: total > 3", "when: total >"},
		"misspelt key":          {"needed: true", "neded: true"},
	} {
		if _, err := load(t, strings.Replace(sample, change[0], change[1], 1)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzRead: whatever is posted, what Read keeps is valid text and Check answers.
func FuzzRead(f *testing.F) {
	f.Add("a", "x\x00", "a@b.rs")
	p, err := pack.Parse("form.yaml", []byte(sample))
	if err != nil {
		f.Fatal(err)
	}
	form, err := Parse(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, why, email string) {
		k := known(form, Answers{}, true)
		for _, page := range form.Pages {
			k.Answers = page.Read(k, map[string][]string{"kind": {kind}, "why": {why}, "email": {email}, "when": {why}, "total": {why}, "phone": {why}})
			page.Check(k)
		}
		for name, v := range k.Answers {
			for _, s := range v {
				if strings.ContainsAny(s, "\x00\r") || strings.TrimSpace(s) != s || strings.ToValidUTF8(s, "") != s {
					t.Fatalf("%s keeps %q", name, s)
				}
			}
		}
	})
}

// The number of pages that is told from page to page never grows while answers come, and
// what is called certain stays.
func TestMostNeverGrows(t *testing.T) {
	t.Parallel()
	f, err := load(t, journey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a    Answers
		want string // what is told page by page, ≤ = at most
	}{
		{Answers{"what": {"question"}, "name": {"А"}}, "≤5 3 3"},
		{Answers{"what": {"fraud"}, "reading": {"named"}, "name": {"А"}}, "≤5 ≤5 ≤5 5 5"},
		{Answers{"what": {"fraud"}, "reading": {"anonymous"}}, "≤5 ≤5 ≤5"},
		{Answers{"what": {"fraud"}, "reading": {"named"}, "name": {"А"}, "sum": {"9"}}, "≤5 ≤5 ≤5 5 5"},
	} {
		given, told, last, was := Answers{}, "", 99, false
		for i := range f.Pages {
			p := &f.Pages[i]
			k := known(f, given, true)
			if !p.When.Holds(k) {
				continue
			}
			n, certain := f.Most(k, p)
			if n > last || was && n != last {
				t.Errorf("%v: %d pages at %s after %d", c.a, n, p.ID, last)
			}
			last, was = n, certain
			if told += " "; !certain {
				told += "≤"
			}
			told += strconv.Itoa(n)
			for _, q := range p.Questions {
				given = given.With(q.Name, c.a[q.Name]...)
			}
		}
		if told = strings.TrimSpace(told); told != c.want {
			t.Errorf("%v: told %s, want %s", c.a, told, c.want)
		}
		if n := len(f.Visible(known(f, given, true))); n > last || was && n != last {
			t.Errorf("%v: %d pages were asked, %d told", c.a, n, last)
		}
	}
}

// As the report form: a page that hangs on the first one, another on that page.
const journey = `pack: test.form
version: 1
from: 2026-01-01
source: own
body:
  title: {sr-Cyrl: Проба, en: Test}
  facts: [open]
  pages:
    - id: what
      title: {sr-Cyrl: Прва, en: First}
      questions:
        - {name: what, kind: choice, label: {sr-Cyrl: Шта, en: What}, needed: true, options: [{value: question, label: {sr-Cyrl: Питање, en: Question}}, {value: fraud, label: {sr-Cyrl: Превара, en: Fraud}}]}
    - id: story
      title: {sr-Cyrl: Друга, en: Second}
      questions:
        - {name: sum, kind: number, label: {sr-Cyrl: Износ, en: Sum}}
    - id: reading
      title: {sr-Cyrl: Трећа, en: Third}
      when: what != "question"
      questions:
        - {name: reading, kind: choice, label: {sr-Cyrl: Како, en: How}, needed: true, options: [{value: named, label: {sr-Cyrl: Именом, en: Named}}, {value: anonymous, label: {sr-Cyrl: Без имена, en: No name}}]}
    - id: contact
      title: {sr-Cyrl: Четврта, en: Fourth}
      when: not (known(reading) and reading = "anonymous")
      questions:
        - {name: name, kind: text, label: {sr-Cyrl: Име, en: Name}}
    - id: reward
      title: {sr-Cyrl: Пета, en: Fifth}
      when: what = "fraud" and not (known(reading) and reading = "anonymous")
      questions:
        - {name: account, kind: text, label: {sr-Cyrl: Рачун, en: Account}}
    - id: never
      title: {sr-Cyrl: Шеста, en: Sixth}
      when: not open
      questions:
        - {name: void, kind: text, label: {sr-Cyrl: Ништа, en: Void}}
`
