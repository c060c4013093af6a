package account_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
)

func TestPolicy(t *testing.T) {
	each(t, func(h *house) {
		root := h.add("root@cert.rs", cert, access.Admin)
		ana := h.add("ana@cert.rs", cert, access.Analyst)
		_, _, err := h.Policy(ctx, ana)
		h.fails(err, fault.Denied, "")
		p, version, err := h.Policy(ctx, root)
		h.ok(err)
		if diff := cmp.Diff(account.DefaultPolicy(), p); diff != "" || version != 0 {
			h.t.Errorf("version %d %s", version, diff)
		}
		p.SessionIdle, p.SecondFactor, p.SecondGrace = 5*time.Minute, []string{access.Analyst}, 0
		h.fails(h.SetPolicy(ctx, root, version, p), fault.Denied, "account.step-up")
		root = h.who(h.logIn("root@cert.rs", "").Token)
		h.ok(h.SetPolicy(ctx, root, version, p))
		h.fails(h.SetPolicy(ctx, root, version+7, p), fault.Conflict, "")
		p.SessionIdle = time.Second
		h.fails(h.SetPolicy(ctx, root, 1, p), fault.Invalid, "")
		in := h.logIn("ana@cert.rs", "")
		a := h.who(in.Token)
		if !in.Enrol || len(a.Perms) != 0 || a.CERT != 0 || len(a.Principals) != 1 {
			h.t.Errorf("without the second factor the house wants: %t %+v", in.Enrol, a)
		}
		h.enrol("ana@cert.rs")
		h.now.Add(6 * time.Minute)
		if _, err := h.BySession(ctx, in.Token, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("after five idle minutes: %v", err)
		}
	})
}

// A second factor is asked of the team and the house's own roles; for some days from
// the account's making one may work without, then only the account page opens.
func TestSecondFactorIsAskedAfterSomeDays(t *testing.T) {
	each(t, func(h *house) {
		h.add("root@cert.rs", cert, access.Admin)
		h.add("mila@banka.rs", bank, access.Member)
		h.add("ana@cert.rs", cert, access.Analyst)
		in := h.logIn("ana@cert.rs", "")
		a := h.who(in.Token)
		if want := h.now.Now().Add(3 * 24 * time.Hour); in.Enrol || a.EnrolNow || a.CERT != cert || !a.Can("intake.read") || a.EnrolBy > want.UnixMicro() || a.EnrolBy < want.Add(-time.Minute).UnixMicro() {
			h.t.Errorf("in the days of grace: enrol %t, actor %+v", in.Enrol, a)
		}
		if m := h.who(h.logIn("mila@banka.rs", "").Token); m.EnrolBy != 0 {
			h.t.Errorf("a member is asked by %d", m.EnrolBy)
		}
		h.now.Add(3*24*time.Hour + time.Second)
		in = h.logIn("ana@cert.rs", "")
		if a = h.who(in.Token); !in.Enrol || !a.EnrolNow || len(a.Perms) != 0 || a.CERT != 0 {
			h.t.Errorf("after them: enrol %t, actor %+v", in.Enrol, a)
		}
		_, _, err := h.AddKey(ctx, a, "", account.NewKey{Name: "a way round"})
		h.fails(err, fault.Denied, "account.enrol-first")
		_, token, _ := h.enrol("ana@cert.rs")
		if a = h.who(token); a.EnrolBy != 0 || a.EnrolNow || !a.Can("intake.read") {
			h.t.Errorf("with a second factor: %+v", a)
		}
	})
}

// People of an installation that began to ask later have their days from then; a
// restart does not lengthen them.
func TestGraceOfThoseWhoWereHereBefore(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		h.now.Add(30 * 24 * time.Hour)
		h.ok(h.Begin(ctx))
		began := h.now.Now()
		h.now.Add(24 * time.Hour)
		h.ok(h.Begin(ctx))
		a := h.who(h.logIn("ana@cert.rs", "").Token)
		if d := time.UnixMicro(a.EnrolBy).Sub(began); a.EnrolNow || d < 3*24*time.Hour-time.Minute || d > 3*24*time.Hour+time.Minute {
			h.t.Errorf("%t, %v after it began", a.EnrolNow, d)
		}
		p, version, err := h.Policy(ctx, operator)
		h.ok(err)
		p.SecondGrace = 0
		h.ok(h.SetPolicy(ctx, operator, version, p))
		if a = h.who(h.logIn("ana@cert.rs", "").Token); !a.EnrolNow {
			h.t.Error("grace of nothing is at once")
		}
		p.SecondFactor = nil
		h.ok(h.SetPolicy(ctx, operator, version+1, p))
		if a = h.who(h.logIn("ana@cert.rs", "").Token); a.EnrolBy != 0 {
			h.t.Error("asked of nobody")
		}
	})
}
