package registry

import (
	"net/mail"
	"strings"
	"time"
	"unicode"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// Contact is a person or post of an organisation, with office data only.
type Contact struct {
	ID           int64
	UUID         string
	Kind         string    // of the pack: duty (24/7), responsible, admin, abuse, privacy …
	Name         string    // a person's, or the post's
	Job          string    // position
	Phone        string    // office, +381 …
	Email        string    // office
	Hours        string    // when it is answered; "" for duty means always
	Lang         i18n.Lang // of letters to it; "" = by the organisation's country
	Verified     time.Time
	Asked        time.Time // when a letter last asked whether it is right
	Bounces      int64
	Bounced      time.Time // last bounce that no verification followed
	BounceReason string
	Created      time.Time
	Updated      time.Time
	Freshness    Freshness // as of the moment it was read

	org, verifiedBy int64
}

// ContactInput is what somebody types of a contact.
type ContactInput struct {
	Kind  string
	Name  string
	Job   string
	Phone string
	Email string
	Hours string
	Lang  string // a language, "" = by the organisation's country
}

// Freshness says whether a contact can be relied on.
type Freshness string

// Freshnesses, best first. An organisation is as fresh as its worst contact.
const (
	Fresh      Freshness = "fresh"
	Due        Freshness = "due"        // verified longer ago than the pack's cycle
	Unverified Freshness = "unverified" // never
	Bouncing   Freshness = "bounced"    // letters came back since
	Missing    Freshness = "missing"    // no contact at all (of organisations only)
	Stale      Freshness = "stale"      // in a filter only: any of them but Fresh
)

// Freshnesses lists them for a filter, worst first.
var Freshnesses = []Freshness{Missing, Bouncing, Unverified, Due, Fresh}

// freshness is the rule for one contact, and, with the oldest verification and
// the sum of bounces, for an organisation.
func (v Verification) freshness(bounces int64, verified, now time.Time) Freshness {
	switch {
	case bounces > 0:
		return Bouncing
	case verified.IsZero():
		return Unverified
	case now.Sub(verified) > v.Every():
		return Due
	}
	return Fresh
}

// check tidies c and says what is wrong with it. At least one way to reach it is
// needed; a phone is digits with the usual signs, at least six of them.
func (p *Pack) checkContact(c *ContactInput) error {
	var f fault.Collector
	c.Name, c.Job, c.Hours = tidy(c.Name), tidy(c.Job), tidy(c.Hours)
	c.Phone, c.Email = tidy(c.Phone), strings.TrimSpace(c.Email)
	f.Require(p.Contacts.Has(c.Kind), "kind", "registry.fault.contact-kind")
	f.Require(c.Name != "", "name", "registry.fault.name-missing")
	checkLine(&f, "name", c.Name, maxLine)
	checkLine(&f, "job", c.Job, maxLine)
	checkLine(&f, "hours", c.Hours, maxLine)
	f.Require(c.Phone != "" || c.Email != "", "email", "registry.fault.unreachable")
	f.Require(c.Phone == "" || isPhone(c.Phone), "phone", "registry.fault.phone")
	f.Require(c.Email == "" || isEmail(c.Email), "email", "registry.fault.email")
	f.Require(c.Lang == "" || i18n.Lang(c.Lang).Valid(), "lang", "registry.fault.language")
	return f.Err("contact")
}

func isPhone(s string) bool {
	n := 0
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			n++
		case r == '+' && i == 0, strings.ContainsRune(" ()/-.", r):
		default:
			return false
		}
	}
	return n >= 6 && n <= 20
}

func isEmail(s string) bool {
	if len(s) > 254 || strings.ContainsFunc(s, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) }) {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	_, err = ParseDomain(domain)
	return err == nil
}

// emailKey is the form under which an address is recognised.
func emailKey(s string) string { return i18n.Fold(s) }
