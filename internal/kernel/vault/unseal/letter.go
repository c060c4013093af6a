package unseal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
)

// Mail is one composed letter on its way out. To never leaves the process in any
// other way: a Sender must not log it and must not put it into its errors.
type Mail struct {
	ID            string // for the Message-ID, so that a repeated letter is recognised
	To            string
	Lang          string // sr-Cyrl, sr-Latn, en
	Subject, Text string
}

// Sender hands a letter to the mail system. A fault of kind Invalid means that it
// will never be taken; any other error means try again.
type Sender func(ctx context.Context, m Mail) error

type words struct{ subject, text string }

// letters are all the texts that the postman knows: {n} is the number, {l} the
// link, {c} the name of the installation. Latin is derived from Cyrillic.
var letters = map[string]struct{ sr, en words }{
	"received": {
		words{"Пријава {n} је примљена", "Примили смо пријаву {n}.\n\nТок пријаве и наше поруке читате овде:\n{l}\n\nПотребан је код од 25 цифара који је приказан на крају пријаве."},
		words{"Report {n} received", "We have received report {n}.\n\nSee how it goes and read our messages here:\n{l}\n\nYou need the code of 25 digits that was shown at the end of the report."},
	},
	"message": {
		words{"Нова порука уз пријаву {n}", "Уз пријаву {n} стоји нова порука. Из предострожности је не шаљемо поштом.\n\nПрочитајте је овде:\n{l}\n\nПотребан је код од 25 цифара који је приказан на крају пријаве."},
		words{"New message on report {n}", "There is a new message on report {n}. To be safe we do not send it by mail.\n\nRead it here:\n{l}\n\nYou need the code of 25 digits that was shown at the end of the report."},
	},
	"question": {
		words{"Питање уз пријаву {n}", "Имамо питање о пријави {n}. Ваш одговор нам помаже да наставимо.\n\nПитање и место за одговор:\n{l}\n\nПотребан је код од 25 цифара који је приказан на крају пријаве."},
		words{"A question about report {n}", "We have a question about report {n}. Your answer helps us to go on.\n\nThe question, and where to answer:\n{l}\n\nYou need the code of 25 digits that was shown at the end of the report."},
	},
	"state": {
		words{"Пријава {n}: ново стање", "Стање пријаве {n} се променило.\n\nПогледајте га овде:\n{l}\n\nПотребан је код од 25 цифара који је приказан на крају пријаве."},
		words{"Report {n}: new state", "The state of report {n} has changed.\n\nSee it here:\n{l}\n\nYou need the code of 25 digits that was shown at the end of the report."},
	},
	"closed": {
		words{"Пријава {n} је завршена", "Рад на пријави {n} је завршен. Хвала вам што сте нам јавили.\n\nИсход читате овде:\n{l}\n\nПотребан је код од 25 цифара који је приказан на крају пријаве."},
		words{"Report {n} is closed", "Work on report {n} is finished. Thank you for telling us.\n\nRead the outcome here:\n{l}\n\nYou need the code of 25 digits that was shown at the end of the report."},
	},
}

const (
	footSr = "\n\nНе одговарајте на ово писмо: одговор не стиже до дежурних.\n{c}\n"
	footEn = "\n\nPlease do not answer this letter: an answer does not reach the officers on watch.\n{c}\n"
)

// Templates lists the letters that the postman knows.
func Templates() []string {
	var out []string
	for k := range letters {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// number is a report's number, with a CERT's code in front or without.
var number = regexp.MustCompile(`^([A-Z][A-Z0-9]{0,11}-)?[A-Z]-\d{4}-\d{6,9}$`)

// postman opens addresses, fills fixed texts and hands them on.
type postman struct {
	cfg    Config
	origin *url.URL
	ids    []age.Identity

	mu    sync.Mutex
	sent  map[string]bool           // letter ids of this run
	times []time.Time               // of the last minute
	to    map[[32]byte]*[]time.Time // per address, keyed by its hash, of the last hour
}

func newPostman(cfg Config, origin *url.URL, ids []age.Identity) *postman {
	return &postman{cfg: cfg, origin: origin, ids: ids, sent: map[string]bool{}, to: map[[32]byte]*[]time.Time{}}
}

// admit checks a letter and counts it against the rate; again means that this
// run sent it already.
func (p *postman) admit(l Letter, now time.Time) (again bool, err error) {
	if err := p.check(l); err != nil {
		return false, err
	}
	if p.cfg.Send == nil {
		return false, fault.New(fault.Unavailable, "postman: no way to send mail is configured").WithKey("unseal.no_mail")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent[l.ID] {
		return true, nil
	}
	if wait := admitTime(&p.times, now, time.Minute, p.cfg.Limits.Letters); wait > 0 {
		return false, fault.New(fault.Limited, "postman: too many letters").After(wait)
	}
	if len(p.sent) >= 50_000 {
		clear(p.sent)
	}
	p.sent[l.ID] = true
	return false, nil
}

func (p *postman) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sent, id)
}

// admitTime notes an event at now unless limit of them lie within span; then it
// gives how long to wait.
func admitTime(times *[]time.Time, now time.Time, span time.Duration, limit int) time.Duration {
	*times = slices.DeleteFunc(*times, func(t time.Time) bool { return now.Sub(t) >= span })
	if len(*times) >= limit {
		return (*times)[0].Add(span).Sub(now)
	}
	*times = append(*times, now)
	return 0
}

func (p *postman) check(l Letter) error {
	var c fault.Collector
	_, known := letters[l.Template]
	c.Require(known, "template", "unseal.letter")
	c.Require(l.Lang == "sr-Cyrl" || l.Lang == "sr-Latn" || l.Lang == "en", "lang", "unseal.letter")
	c.Require(number.MatchString(l.Number), "number", "unseal.letter")
	c.Require(p.ownLink(l.Link), "link", "unseal.letter")
	c.Require(vault.Label{Kind: vault.KindAddress, Record: l.Record}.Valid(), "record", "unseal.letter")
	c.Require(len(l.ID) >= 1 && len(l.ID) <= 100 && l.ID == oneLine(l.ID), "id", "unseal.letter")
	c.Require(len(l.Address) <= 4096, "address", "unseal.letter")
	return c.Err("postman: letter")
}

// linkPath keeps free text out of links: page names, languages, a number or id.
var linkPath = regexp.MustCompile(`^/[A-Za-z0-9/_.~-]{0,200}$`)

// ownLink tells whether a link leads to this installation and carries no text.
func (p *postman) ownLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || !linkPath.MatchString(u.Path) || u.String() != s {
		return false
	}
	if u.Scheme != p.origin.Scheme || u.Hostname() != p.origin.Hostname() {
		return false
	}
	return u.Host == p.origin.Host || u.Hostname() == "localhost" // a demo's port is free
}

// send opens the address and hands the letter on. No error of it tells anything
// about the address: the sender's own words stay here.
func (p *postman) send(ctx context.Context, l Letter, now time.Time) error {
	r, err := vault.OpenSealed(bytes.NewReader(l.Address), vault.Label{Kind: vault.KindAddress, Record: l.Record}, p.ids...)
	if err != nil {
		return fault.New(fault.Invalid, "postman: the sealed address does not open")
	}
	raw, err := io.ReadAll(io.LimitReader(r, 1024))
	if err != nil {
		return fault.New(fault.Invalid, "postman: the sealed address does not open")
	}
	to := string(bytes.TrimRight(raw, "\x00"))
	if wait := p.admitTo(to, now); wait > 0 {
		return fault.New(fault.Limited, "postman: too many letters to one address").After(wait)
	}
	m := compose(l, p.cfg.Name)
	m.To = to
	err = p.cfg.Send(ctx, m)
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.Invalid):
		return fault.New(fault.Invalid, "postman: the mail system refuses this letter for good")
	}
	return fault.New(fault.Unavailable, "postman: the mail system does not take the letter now")
}

func (p *postman) admitTo(to string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.to) > 10_000 {
		for k, t := range p.to {
			if len(*t) == 0 || now.Sub((*t)[len(*t)-1]) >= time.Hour {
				delete(p.to, k)
			}
		}
	}
	key := sha256.Sum256([]byte(vault.NormalEmail(to)))
	if p.to[key] == nil {
		p.to[key] = &[]time.Time{}
	}
	return admitTime(p.to[key], now, time.Hour, p.cfg.Limits.ToOne)
}

func compose(l Letter, name string) Mail {
	w, foot := letters[l.Template].sr, footSr
	if l.Lang == "en" {
		w, foot = letters[l.Template].en, footEn
	}
	text := w.text + foot
	if l.Lang == "sr-Latn" {
		w.subject, text = latin.Replace(w.subject), latin.Replace(text)
	}
	fill := strings.NewReplacer("{n}", l.Number, "{l}", l.Link, "{c}", name)
	return Mail{ID: fmt.Sprintf("%x", sha256.Sum256([]byte(l.ID)))[:32], Lang: l.Lang, Subject: fill.Replace(w.subject), Text: fill.Replace(text)}
}

// latin is the one-to-one table of the two Serbian scripts, enough for the fixed
// texts above; the rest of the program uses kernel/i18n, which comes later in the
// kernel's order and knows the exceptions.
var latin = strings.NewReplacer(
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "ђ", "đ", "е", "e", "ж", "ž", "з", "z", "и", "i", "ј", "j", "к", "k", "л", "l",
	"љ", "lj", "м", "m", "н", "n", "њ", "nj", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "ћ", "ć", "у", "u", "ф", "f", "х", "h",
	"ц", "c", "ч", "č", "џ", "dž", "ш", "š",
	"А", "A", "Б", "B", "В", "V", "Г", "G", "Д", "D", "Ђ", "Đ", "Е", "E", "Ж", "Ž", "З", "Z", "И", "I", "Ј", "J", "К", "K", "Л", "L",
	"Љ", "Lj", "М", "M", "Н", "N", "Њ", "Nj", "О", "O", "П", "P", "Р", "R", "С", "S", "Т", "T", "Ћ", "Ć", "У", "U", "Ф", "F", "Х", "H",
	"Ц", "C", "Ч", "Č", "Џ", "Dž", "Ш", "Š",
)
