package registry

import (
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// Asking is one letter that asks whether contact points are right, as whoever holds
// its link sees it.
type Asking struct {
	At     time.Time
	Ends   time.Time // the link works before this moment
	Points []Point

	id int64
}

// Point is a contact point that a letter asks about.
type Point struct {
	Contact      Contact
	Organisation string // in the language that was asked for
	Answer       string // "", Right or Wrong
	Answered     time.Time

	row int64
}

// Answers about a contact point.
const (
	Right = "right"
	Wrong = "wrong"
)

// Open tells whether something is still to be answered.
func (a Asking) Open() bool {
	for _, p := range a.Points {
		if p.Answer == "" {
			return true
		}
	}
	return false
}

// Remark is what somebody behind a letter said is wrong: a task for the team and for
// the organisation itself.
type Remark struct {
	UUID    string
	Contact string // name of the contact point that it is about
	Body    string // as it was written
	At      time.Time
	Settled time.Time // zero = open

	id int64
}

// maxRemark bounds a remark, in characters.
const maxRemark = 2000

// stale tells whether a contact is due to be asked; the SQL of stalePoints says the
// same (TestContactsAreAskedWhenTheirTimeComes holds both together).
func (v Verification) stale(c Contact, now time.Time) bool {
	switch {
	case c.Email == "" || c.Bounces > 0:
		return false
	case c.Verified.IsZero():
		return now.Sub(c.Created) > days(v.NewDays)
	}
	return now.Sub(c.Verified) > v.Every()
}

// budget is the rule of how often an address is written to: n letters within the
// pack's span, the latest at last. asked = somebody pressed the button: then the
// span between two letters is a day, not the pack's.
func (v Verification) budget(n int64, last, now time.Time, asked bool) error {
	span := days(v.AgainDays)
	if asked {
		span = days(1)
	}
	if n < int64(v.Most) && (last.IsZero() || now.Sub(last) >= span) {
		return nil
	}
	return fault.New(fault.Limited, "%s letters to this address already", strconv.FormatInt(n, 10)).WithKey("registry.fault.ask-budget")
}

// lang is the language in which a contact is written to.
func (v Verification) lang(c Contact, country string) i18n.Lang {
	if c.Lang.Valid() {
		return c.Lang
	}
	if l := v.Languages[country]; l != "" {
		return l
	}
	return v.Otherwise
}

// checkRemark tidies what somebody wrote. Faults: Invalid on "body".
func checkRemark(body string) (string, error) {
	body = strings.TrimSpace(body)
	var c fault.Collector
	c.Require(body != "", "body", "registry.fault.remark-missing")
	checkText(&c, "body", body)
	c.Require(len([]rune(body)) <= maxRemark, "body", "registry.fault.too-long")
	return body, c.Err("remark")
}
