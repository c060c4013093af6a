package remark_test

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

// world has an event of Alfa for everybody, and one of Alfa's own.
type world struct {
	*inteltest.World
	alfa, beta, gama, reader, sync ident.Actor
	open, own                      intel.Event
	domain, hidden                 intel.Attribute // in the open event; hidden is Alfa's alone
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{World: inteltest.New(t, db)}
	w.alfa, w.beta = w.Person(w.A, access.Publisher, ident.MISP), w.Person(w.B, access.Member, ident.MISP)
	w.gama, w.reader = w.Person(w.C, access.Member, ident.MISP), w.Person(w.B, access.ReadOnly, ident.MISP)
	w.sync = w.Person(w.C, access.Sync, ident.MISP)
	shut := inteltest.Attr("domain", "hidden.example")
	shut.Distribution = misp.N(0)
	e := inteltest.Event("open", intel.Community, inteltest.Attr("domain", "a.example"), shut)
	e.Published = misp.B(true)
	w.open = w.Add(w.alfa, e)
	w.own = w.Add(w.alfa, inteltest.Event("own", intel.OwnOrg, inteltest.Attr("domain", "own.example")))
	must(t, w.Intel.Attributes(ctx, w.alfa, w.open.UUID, intel.Part{}, func(a *intel.Attribute) error {
		if a.Value == "a.example" {
			w.domain = *a
		} else {
			w.hidden = *a
		}
		return nil
	}))
	return w
}

func each(t *testing.T, test func(t *testing.T, w *world, now *clock.Moved)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) { test(t, newWorld(t, db), now) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func ref(id int64) string { return strconv.FormatInt(id, 10) }

// list is what somebody sees of an event's proposals, as "value state".
func (w *world) list(t *testing.T, who ident.Actor, f remark.ProposalFilter) (out []string) {
	t.Helper()
	must(t, w.Remarks.Proposals(ctx, who, f, func(p *remark.Proposal) error { out = append(out, p.Value+" "+p.State); return nil }))
	return out
}

func (w *world) attribute(t *testing.T, ref string) intel.Attribute {
	t.Helper()
	a, err := w.Intel.Attribute(ctx, w.alfa, ref)
	must(t, err)
	return a
}

func (w *world) event(t *testing.T) intel.Event {
	t.Helper()
	e, err := w.Intel.Event(ctx, w.alfa, w.open.UUID)
	must(t, err)
	return e
}

// TestLifeOfAProposal: new, changed, removed; accepted, taken back, accepted again, discarded.
func TestLifeOfAProposal(t *testing.T) {
	each(t, func(t *testing.T, w *world, now *clock.Moved) {
		added, err := w.Remarks.Propose(ctx, w.beta, w.open.UUID, inteltest.Attr("ip-dst", "198.51.100.9"))
		must(t, err)
		edited, err := w.Remarks.ProposeEdit(ctx, w.beta, w.domain.UUID, misp.Attribute{Comment: misp.T("better"), Value: misp.T("b.example")})
		must(t, err)
		gone, err := w.Remarks.ProposeRemoval(ctx, w.gama, ref(w.domain.ID))
		must(t, err)
		if edited.UUID != w.domain.UUID || edited.Type != "domain" || edited.Category != w.domain.Category || !gone.Removal {
			t.Errorf("%+v\n%+v", edited, gone)
		}
		if e := w.event(t); !e.Published {
			t.Error("a proposal alone unpublishes the event")
		}
		now.Add(5e9)

		_, err = w.Remarks.Accept(ctx, w.beta, ref(added.ID))
		wants(t, "accepting one's own", err, fault.Denied)
		_, err = w.Remarks.Accept(ctx, w.alfa, ref(added.ID))
		must(t, err)
		a := w.attribute(t, added.UUID)
		if e := w.event(t); a.Value != "198.51.100.9" || e.Published || e.Attributes != 3 || e.Timestamp <= w.open.Timestamp {
			t.Errorf("after accepting: %+v %+v", a, e)
		}
		_, err = w.Remarks.Accept(ctx, w.alfa, ref(added.ID))
		wants(t, "accepting again", err, fault.NotFound)

		_, err = w.Remarks.Reopen(ctx, w.alfa, ref(added.ID))
		must(t, err)
		if a := w.attribute(t, added.UUID); !a.Deleted {
			t.Error("taking back leaves the attribute")
		}
		_, err = w.Remarks.Accept(ctx, w.alfa, ref(added.ID))
		must(t, err)
		if a := w.attribute(t, added.UUID); a.Deleted {
			t.Error("accepted a second time, and not there")
		}

		_, err = w.Remarks.Accept(ctx, w.alfa, ref(edited.ID))
		must(t, err)
		if a := w.attribute(t, w.domain.UUID); a.Value != "b.example" || a.Comment != "better" {
			t.Errorf("edited: %+v", a)
		}
		_, err = w.Remarks.Reopen(ctx, w.alfa, ref(edited.ID))
		must(t, err)
		if a := w.attribute(t, w.domain.UUID); a.Value != "a.example" || a.Comment != "" {
			t.Errorf("taken back: %+v", a)
		}
		_, err = w.Remarks.Accept(ctx, w.alfa, ref(edited.ID))
		must(t, err)
		_, err = w.Intel.EditAttribute(ctx, w.alfa, w.domain.UUID, misp.Attribute{Comment: misp.T("mine")})
		must(t, err)
		_, err = w.Remarks.Reopen(ctx, w.alfa, ref(edited.ID))
		wants(t, "taking back what was changed since", err, fault.Conflict)

		_, err = w.Remarks.Discard(ctx, w.beta, ref(gone.ID))
		wants(t, "discarding another's", err, fault.Denied)
		p, err := w.Remarks.Discard(ctx, w.gama, ref(gone.ID))
		must(t, err)
		if p.State != remark.Withdrawn {
			t.Errorf("own: %s", p.State)
		}
		_, err = w.Remarks.Reopen(ctx, w.gama, ref(gone.ID))
		must(t, err)
		_, err = w.Remarks.Accept(ctx, w.alfa, ref(gone.ID))
		must(t, err)
		if a := w.attribute(t, w.domain.UUID); !a.Deleted {
			t.Error("the removal was accepted, and the attribute is there")
		}
		_, err = w.Remarks.Reopen(ctx, w.alfa, ref(gone.ID))
		must(t, err)
		if a := w.attribute(t, w.domain.UUID); a.Deleted {
			t.Error("taken back, and the attribute is gone")
		}
	})
}

// TestProposalFaults: what cannot be proposed, and by whom.
func TestProposalFaults(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		_, err := w.Remarks.Propose(ctx, w.beta, w.open.UUID, inteltest.Attr("ip-dst", "bad"))
		wants(t, "no address", err, fault.Invalid)
		_, err = w.Remarks.Propose(ctx, w.reader, w.open.UUID, inteltest.Attr("ip-dst", "198.51.100.1"))
		wants(t, "a reader", err, fault.Denied)
		_, err = w.Remarks.Propose(ctx, w.beta, w.own.UUID, inteltest.Attr("ip-dst", "198.51.100.1"))
		wants(t, "a hidden event", err, fault.NotFound)
		_, err = w.Remarks.ProposeEdit(ctx, w.beta, w.hidden.UUID, misp.Attribute{Comment: misp.T("x")})
		wants(t, "a hidden attribute", err, fault.NotFound)
		key := w.beta
		key.ReadOnly = true
		_, err = w.Remarks.ProposeRemoval(ctx, key, w.domain.UUID)
		wants(t, "a read-only key", err, fault.Denied)
		_, err = w.Remarks.ProposeRemoval(ctx, w.alfa, w.domain.UUID)
		must(t, err) // the owner may, too
		_, err = w.Intel.DeleteAttribute(ctx, w.alfa, w.domain.UUID, false)
		must(t, err)
		if got := w.list(t, w.alfa, remark.ProposalFilter{}); len(got) != 0 {
			t.Errorf("the attribute is gone, its proposals are open: %v", got)
		}
		_, err = w.Remarks.ProposeRemoval(ctx, w.beta, w.domain.UUID)
		wants(t, "a deleted attribute", err, fault.NotFound)
		must(t, w.Intel.DeleteEvent(ctx, w.alfa, w.open.UUID))
	})
}

// TestProposalsAreSeen with the event and the attribute they are about, by nobody else.
func TestProposalsAreSeen(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		secret, err := w.Remarks.ProposeEdit(ctx, w.alfa, w.hidden.UUID, misp.Attribute{Comment: misp.T("secret")})
		must(t, err)
		_, err = w.Remarks.Propose(ctx, w.alfa, w.own.UUID, inteltest.Attr("domain", "own-proposal.example"))
		must(t, err)
		_, err = w.Remarks.Propose(ctx, w.beta, w.open.UUID, inteltest.Attr("domain", "shown.example"))
		must(t, err)
		for name, c := range map[string]struct {
			who       ident.Actor
			all, mine []string
			count     int64
		}{
			"alfa": {w.alfa, []string{"hidden.example open", "own-proposal.example open", "shown.example open"}, []string{"hidden.example open", "own-proposal.example open", "shown.example open"}, 2},
			"beta": {w.beta, []string{"shown.example open"}, nil, 1},
			"gama": {w.gama, []string{"shown.example open"}, nil, 1},
		} {
			if got := w.list(t, c.who, remark.ProposalFilter{All: true}); !slices.Equal(got, c.all) {
				t.Errorf("%s sees %v", name, got)
			}
			if got := w.list(t, c.who, remark.ProposalFilter{}); !slices.Equal(got, c.mine) {
				t.Errorf("%s has %v to decide", name, got)
			}
			n, err := w.Remarks.CountOpen(ctx, c.who, w.open.ID)
			if err != nil || n != c.count {
				t.Errorf("%s counts %d, %v", name, n, err)
			}
		}
		_, err = w.Remarks.Proposal(ctx, w.beta, ref(secret.ID))
		wants(t, "a hidden one by number", err, fault.NotFound)
		_, err = w.Remarks.Accept(ctx, w.beta, ref(secret.ID))
		wants(t, "deciding a hidden one", err, fault.NotFound)
		if got := w.list(t, w.beta, remark.ProposalFilter{All: true, Since: 1 << 40}); len(got) != 0 {
			t.Errorf("of the future: %v", got)
		}
		for i := range 7 {
			_, err := w.Remarks.Propose(ctx, w.gama, w.open.UUID, inteltest.Attr("ip-dst", "203.0.113."+strconv.Itoa(i)))
			must(t, err)
		}
		var paged []string
		for page := 1; ; page++ {
			got := w.list(t, w.beta, remark.ProposalFilter{All: true, Limit: 3, Page: page})
			if len(got) == 0 {
				break
			}
			paged = append(paged, got...)
		}
		if whole := w.list(t, w.beta, remark.ProposalFilter{All: true}); !slices.Equal(paged, whole) || len(whole) != 8 {
			t.Errorf("in pages %v, at once %v", paged, whole)
		}
	})
}

// TestPushedProposals: a peer's are stored once, follow its decisions, and go to no
// event or attribute that it does not see.
func TestPushedProposals(t *testing.T) {
	each(t, func(t *testing.T, w *world, now *clock.Moved) {
		now.Add(1000e9)
		u := w.DB.NewUUID()
		one := misp.ShadowAttribute{UUID: misp.T(u), Type: misp.T("domain"), Value: misp.T("pushed.example"), Timestamp: misp.N(1000),
			Org: &misp.Org{Name: misp.T("Far"), UUID: misp.T(w.DB.NewUUID())}}
		edit := misp.ShadowAttribute{UUID: misp.T(w.domain.UUID), OldID: misp.N(99), Type: misp.T("domain"), Value: misp.T("c.example"), Timestamp: misp.N(1000), Org: one.Org}
		hidden := misp.ShadowAttribute{UUID: misp.T(w.hidden.UUID), OldID: misp.N(98), Type: misp.T("domain"), Value: misp.T("d.example"), Org: one.Org}
		bad := misp.ShadowAttribute{UUID: misp.T(w.DB.NewUUID()), Type: misp.T("ip-dst"), Value: misp.T("bad")}
		list := []misp.ShadowAttribute{one, edit, hidden, bad}
		n, refused, err := w.Remarks.PushProposals(ctx, w.sync, w.open.UUID, list)
		if err != nil || n != 2 || refused != 2 {
			t.Fatalf("%d stored, %d refused, %v", n, refused, err)
		}
		if n, _, err = w.Remarks.PushProposals(ctx, w.sync, w.open.UUID, list); err != nil || n != 0 {
			t.Errorf("a second time: %d, %v", n, err)
		}
		list[0].Deleted, list[0].Timestamp = misp.B(true), misp.N(2000)
		if n, _, err = w.Remarks.PushProposals(ctx, w.sync, w.open.UUID, list[:1]); err != nil || n != 1 {
			t.Errorf("decided there: %d, %v", n, err)
		}
		if got := w.list(t, w.alfa, remark.ProposalFilter{Deleted: intel.With}); !slices.Equal(got, []string{"pushed.example discarded", "c.example open"}) {
			t.Errorf("%v", got)
		}
		_, _, err = w.Remarks.PushProposals(ctx, w.sync, w.own.UUID, list)
		wants(t, "to a hidden event", err, fault.NotFound)
		_, _, err = w.Remarks.PushProposals(ctx, w.beta, w.open.UUID, list)
		wants(t, "without the right to synchronise", err, fault.Denied)
	})
}
