package account_test

import (
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestInvitation(t *testing.T) {
	each(t, func(h *house) {
		h.add("root@cert.rs", cert, access.Admin)
		boss := h.who(h.logIn("root@cert.rs", "").Token)
		p, link, err := h.Add(ctx, boss, account.NewPerson{Email: "nova@cert.rs", Name: "Nova", Org: cert, Roles: []string{access.Analyst}})
		h.ok(err)
		if link != "" {
			h.t.Error("an administrator was given somebody else's link")
		}
		sent := h.mail.last(h.t, "invitation").Link
		token := sent[strings.LastIndexByte(sent, '/')+1:]
		if !strings.HasPrefix(sent, "https://straza.test/invitation/") {
			h.t.Errorf("link %s", sent)
		}
		_, err = h.LogIn(ctx, home, "nova@cert.rs", "", "")
		h.fails(err, fault.Denied, "account.refused")
		l, err := h.Link(ctx, token)
		h.ok(err)
		if l.Email != "nova@cert.rs" || l.Kind != "invite" {
			h.t.Errorf("link %+v", l)
		}
		for pw, key := range map[string]string{"kratka": "account.password-short", "password123": "account.password-plain", "aaaaaaaaaaaa": "account.password-plain", "nova@cert.rs": "account.password-plain"} {
			_, err = h.Accept(ctx, home, token, pw)
			if f := fault.Of(err); f == nil || f.Fields["password"] != key {
				h.t.Errorf("password %q: %v, want %s", pw, err, key)
			}
		}
		again, link, err := h.Invite(ctx, operator, "nova@cert.rs")
		h.ok(err)
		if again.State != account.Invited || link == "" {
			h.t.Errorf("%+v %q", again, link)
		}
		_, err = h.Accept(ctx, home, token, "zelena jabuka 9")
		h.fails(err, fault.Gone, "account.link-gone") // the earlier link is void
		in, err := h.Accept(ctx, home, link[strings.LastIndexByte(link, '/')+1:], "zelena jabuka 9")
		h.ok(err)
		if a := h.who(in.Token); a.Person != p.ID || !a.Can("intake.read") {
			h.t.Errorf("%+v", a)
		}
		_, _, err = h.Invite(ctx, operator, "nova@cert.rs")
		h.fails(err, fault.Conflict, "account.not-invited")
		late, link, err := h.Add(ctx, operator, account.NewPerson{Email: "late@cert.rs", Name: "Late", Org: cert, Roles: []string{access.Analyst}})
		h.ok(err)
		h.now.Add(8 * 24 * time.Hour)
		_, err = h.Accept(ctx, home, link[strings.LastIndexByte(link, '/')+1:], "zelena jabuka 9")
		h.fails(err, fault.Gone, "account.link-gone")
		_ = late
	})
}

func TestForgotPassword(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		secret, session, _ := h.enrol("ana@cert.rs")
		h.forgot(home, "Ana@cert.rs")
		link := h.mail.last(h.t, "reset").Link
		in, err := h.Accept(ctx, home, link[strings.LastIndexByte(link, '/')+1:], "nova jabuka 99")
		h.ok(err)
		if !in.Second {
			h.t.Error("a new password passed the second factor by")
		}
		if _, err := h.BySession(ctx, session, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("a session outlived the reset: %v", err)
		}
		full, err := h.SecondStep(ctx, home, in.Token, h.code(secret))
		h.ok(err)
		h.who(full.Token)
	})
}

func TestSetup(t *testing.T) {
	each(t, func(h *house) {
		old, err := h.SetupLink(ctx)
		h.ok(err)
		link, err := h.SetupLink(ctx)
		h.ok(err)
		token := func(l string) string { return l[strings.LastIndexByte(l, '/')+1:] }
		first := account.NewPerson{Email: "root@cert.rs", Name: "Prva", Org: cert, Password: "zelena jabuka 9"}
		_, err = h.Setup(ctx, home, token(old), first)
		h.fails(err, fault.Gone, "")
		_, err = h.Accept(ctx, home, token(link), "zelena jabuka 9")
		h.fails(err, fault.Gone, "")
		in, err := h.Setup(ctx, home, token(link), first)
		h.ok(err)
		if a := h.who(in.Token); !a.Can("admin.people") || a.Can("intake.read") {
			h.t.Errorf("first administrator: %+v", a.Perms)
		}
		_, err = h.Setup(ctx, home, token(link), first)
		h.fails(err, fault.Gone, "")
		none, err := h.SetupLink(ctx)
		h.ok(err)
		if none != "" {
			h.t.Error("a filled installation offers a set-up link")
		}
		_, err = h.Disable(ctx, operator, "root@cert.rs")
		h.fails(err, fault.Conflict, "account.last-admin")
		_, err = h.SetRoles(ctx, operator, "root@cert.rs", []string{access.Auditor}, 0)
		h.fails(err, fault.Conflict, "account.last-admin")
		h.add("two@cert.rs", cert, access.Admin)
		_, err = h.Disable(ctx, operator, "root@cert.rs")
		h.ok(err)
	})
}

// Once somebody was added by command, the link for the first administrator is used up:
// looking at it says so, as using it does.
func TestSetupLinkOfAFilledHouseIsGone(t *testing.T) {
	each(t, func(h *house) {
		link, err := h.SetupLink(ctx)
		h.ok(err)
		token := link[strings.LastIndexByte(link, '/')+1:]
		_, err = h.Link(ctx, token)
		h.ok(err)
		_, _, err = h.Service.Add(ctx, operator, account.NewPerson{Email: "root@cert.rs", Name: "Prva", Org: cert, Roles: []string{access.Admin}})
		h.ok(err)
		_, err = h.Link(ctx, token)
		h.fails(err, fault.Gone, "account.link-gone")
	})
}

// Where no letter leaves the machine, an administrator gets invitations and links for a
// new password to hand over; an organisation's administrator does not, nor does anybody
// where letters go out.
func TestLinksByHand(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		for _, byHand := range []bool{true, false} {
			s := testkit.Accounts(t, db, orgs, account.Deps{Letters: &letters{}, Config: account.Config{ByHand: byHand}})
			h := &house{s, t, db, now, nil}
			name := map[bool]string{true: "hand", false: "post"}[byHand]
			h.add(name+"-root@cert.rs", cert, access.Admin)
			h.add(name+"-mila@banka.rs", bank, access.OrgAdmin)
			root, mila := h.who(h.logIn(name+"-root@cert.rs", "").Token), h.who(h.logIn(name+"-mila@banka.rs", "").Token)
			_, link, err := h.Service.Add(ctx, root, account.NewPerson{Email: name + "-new@cert.rs", Name: "Nova", Org: cert, Roles: []string{access.Analyst}})
			h.ok(err)
			_, again, err := h.Invite(ctx, root, name+"-new@cert.rs")
			h.ok(err)
			_, reset, err := h.ResetPassword(ctx, root, name+"-mila@banka.rs")
			h.ok(err)
			_, theirs, err := h.Service.Add(ctx, mila, account.NewPerson{Email: name + "-radnik@banka.rs", Name: "Radnik", Org: bank, Roles: []string{access.Member}})
			h.ok(err)
			if (link != "") != byHand || (again != "") != byHand || (reset != "") != byHand || theirs != "" {
				t.Errorf("by hand %t: %q %q %q %q", byHand, link, again, reset, theirs)
			}
			if byHand {
				in, err := h.Accept(ctx, home, reset[strings.LastIndexByte(reset, '/')+1:], "zelena jabuka 9")
				h.ok(err)
				if in.Person.Email != name+"-mila@banka.rs" {
					t.Errorf("entered as %s", in.Person.Email)
				}
			}
		}
	})
}
