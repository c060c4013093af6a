package account

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// guessWindow is the time over which guesses are counted.
const guessWindow = 15 * time.Minute

// Limits are how many failed guesses are evaluated in any fifteen minutes.
type Limits struct {
	Account int // one canonical account, whatever the door
	Prefix  int // one network: /24 or /48
	Global  int // the whole installation: a spread attack slows down here
}

func (l Limits) orDefault() Limits {
	if l == (Limits{}) {
		return Limits{Account: 10, Prefix: 200, Global: 3000}
	}
	return l
}

// Guess is one attempt at a secret. Account is the address as it was typed; ""
// for secrets without an account (receipt codes), where the network alone counts.
type Guess struct {
	Account string
	Addr    netip.Addr
	Door    string // only for secrets without an account: each has its own count
}

// Ticket is a guess that was let through and counted.
type Ticket struct {
	subjects []string
	minute   int64
}

// Attempt counts a guess before it is evaluated, in one transaction on one
// clock. A guess that turns out right is given back (Ticket.right): people who
// know their password are never locked out by using it. Any room that checks a
// guessable secret calls this first. Faults: Limited, the same for every account.
func (s *Service) Attempt(ctx context.Context, g Guess) (Ticket, error) {
	caps := s.caps(g)
	var t Ticket
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		t = Ticket{minute: now / int64(time.Minute/time.Microsecond)}
		for _, c := range caps {
			if err := s.countTx(ctx, tx, c, now, t.minute); err != nil {
				return err
			}
			t.subjects = append(t.subjects, c.subject)
		}
		return nil
	})
	return t, err
}

// RightTx takes a guess back that turned out right, in the transaction that it opened.
func (s *Service) RightTx(ctx context.Context, tx *store.Tx, t Ticket) error {
	for _, subject := range t.subjects {
		minutes, err := lockGuesses(ctx, tx, subject, t.minute*int64(time.Minute/time.Microsecond))
		if err != nil {
			return err
		}
		for i := range minutes {
			if minutes[i][0] == t.minute && minutes[i][1] > 0 {
				minutes[i][1]--
				break
			}
		}
		if err := saveGuesses(ctx, tx, subject, minutes); err != nil {
			return err
		}
	}
	return nil
}

// cap is one subject with how many guesses it may have.
type guessCap struct {
	subject string
	most    int
}

// caps lists the subjects of a guess in one fixed order, so that two guesses
// never wait for each other's rows.
func (s *Service) caps(g Guess) []guessCap {
	l, prefix := s.cfg.Network, Prefix(g.Addr)
	var out []guessCap
	switch {
	case g.Account != "":
		out = []guessCap{{s.subject("account", subjectOf(g.Account)), l.Account}, {s.subject("prefix", prefix), l.Prefix}}
	default:
		out = []guessCap{{s.subject("door/"+g.Door, prefix), l.Account}}
	}
	out = append(out, guessCap{s.subject("global", ""), l.Global})
	slices.SortFunc(out, func(a, b guessCap) int {
		if a.subject < b.subject {
			return -1
		}
		return 1
	})
	return out
}

// subject hides addresses of people and machines from who reads the table.
func (s *Service) subject(kind, value string) string {
	return s.keys.TokenHash("guess", kind+"\x00"+value)
}

func (s *Service) countTx(ctx context.Context, tx *store.Tx, c guessCap, now, minute int64) error {
	minutes, err := lockGuesses(ctx, tx, c.subject, now)
	if err != nil {
		return err
	}
	// A minute counts until the last guess in it could be fifteen minutes old:
	// sixteen of them, so that no fifteen minutes hold more than the limit.
	oldest := minute - int64(guessWindow/time.Minute)
	minutes = slices.DeleteFunc(minutes, func(m [2]int64) bool { return m[0] < oldest || m[1] <= 0 })
	var n int64
	for _, m := range minutes {
		n += m[1]
	}
	if n >= int64(c.most) {
		first := minutes[0][0]
		for _, m := range minutes {
			first = min(first, m[0])
		}
		wait := time.Duration(first-oldest+1) * time.Minute
		return fault.New(fault.Limited, "account: too many guesses").WithKey("account.limited").After(wait)
	}
	i := slices.IndexFunc(minutes, func(m [2]int64) bool { return m[0] == minute })
	if i < 0 {
		minutes, i = append(minutes, [2]int64{minute, 0}), len(minutes)
	}
	minutes[i][1]++
	return saveGuesses(ctx, tx, c.subject, minutes)
}

func formatMinutes(minutes [][2]int64) string {
	raw, _ := json.Marshal(minutes) // numbers always marshal
	return string(raw)
}

func parseMinutes(raw string) (out [][2]int64, err error) {
	err = json.Unmarshal([]byte(raw), &out)
	return out, err
}

// Prefix is the network that shares an attacker's fate: /24 of IPv4, /48 of
// IPv6; an IPv4 address written as IPv6 is the same network. "" when unknown.
func Prefix(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
