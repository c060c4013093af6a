package remark

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// States of a proposal.
const (
	Open      = "open"
	Accepted  = "accepted"
	Discarded = "discarded"
	Withdrawn = "withdrawn" // by its author
)

// Proposal is a change of somebody else's event that waits for a decision.
type Proposal struct {
	ID        int64
	UUID      string // of the attribute it is about, or its own
	Event     int64
	EventUUID string
	Owner     int64 // organisation that holds the event
	Attribute int64 // 0 = it would add one
	Org       intel.Org
	Person    int64
	Type      string
	Category  string
	Value     string
	Comment   string
	ToIDS     bool
	Removal   bool // it would take the attribute out
	FirstSeen *int64
	LastSeen  *int64
	Data      []byte
	Timestamp int64 // seconds
	Deleted   bool  // decided
	State     string
	Created   int64   // µs
	Now       Content // the attribute as it is; empty for a new one
	decidedBy int64
	before    string
	made      int64
	sealed    bool // Data is a cell, as it stands in the table
	lock      bool // the event's owner wants no letters about proposals
}

// Content is what a proposal may change.
type Content struct {
	Type, Category, Value, Comment string
	ToIDS                          bool
}

// Content is what the proposal would put there.
func (p *Proposal) Content() Content {
	return Content{p.Type, p.Category, p.Value, p.Comment, p.ToIDS}
}

// Wire gives a proposal in MISP's form, with every field; adapters leave out what
// an answer does not carry.
func (p *Proposal) Wire() misp.ShadowAttribute {
	w := misp.ShadowAttribute{ID: misp.N(p.ID), OldID: misp.N(p.Attribute), EventID: misp.N(p.Event), Type: misp.T(p.Type), Category: misp.T(p.Category),
		UUID: misp.T(p.UUID), ToIDS: misp.B(p.ToIDS), Comment: misp.T(p.Comment), OrgID: misp.N(p.Org.ID), EventOrgID: misp.N(p.Owner),
		Timestamp: misp.N(p.Timestamp), FirstSeen: seen(p.FirstSeen), LastSeen: seen(p.LastSeen), Deleted: misp.B(p.Deleted),
		ProposalToDelete: misp.B(p.Removal), DisableCorrelation: misp.B(false), Value: misp.T(p.Value), OrgUUID: misp.T(p.Org.UUID),
		EventUUID: misp.T(p.EventUUID), Org: p.Org.Wire()}
	if p.Attribute != 0 {
		w.OldUUID = misp.T(p.UUID)
	}
	return w
}

func seen(us *int64) misp.Text {
	if us == nil {
		return misp.NullText()
	}
	return misp.T(misp.FormatSeen(clock.FromMicros(*us)))
}

func (p *Proposal) thing() audit.Thing {
	return audit.Thing{Kind: "event", ID: p.Event, Label: p.EventUUID}
}

// ProposalMade is told when something was proposed by hand (not synchronised).
type ProposalMade struct {
	ID    int64 `json:"id"`
	Event int64 `json:"event"`
}

// EventType is the stable name.
func (ProposalMade) EventType() string { return "intel.proposal-made" }

// ProposalDecided is told when a proposal was accepted or discarded by somebody
// other than its author.
type ProposalDecided struct {
	ID       int64 `json:"id"`
	Event    int64 `json:"event"`
	Accepted bool  `json:"accepted"`
}

// EventType is the stable name.
func (ProposalDecided) EventType() string { return "intel.proposal-decided" }

// Propose suggests a new attribute for an event that who sees. Who may: the right
// to write threat data. Faults: NotFound, Denied, Invalid with the field and, as
// its detail, MISP's sentence.
func (s *Service) Propose(ctx context.Context, who ident.Actor, event string, w misp.Attribute) (p Proposal, err error) {
	if err := intel.MayWrite(who); err != nil {
		return p, err
	}
	w.UUID, w.Timestamp = ownUUID(w.UUID), misp.Int{}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := s.d.Intel.EventTx(ctx, tx, who, event)
		if err != nil {
			return err
		}
		row, bad := intel.Check(s.d.DB, &w)
		if bad != nil {
			return invalid(bad)
		}
		p = proposalOf(&row)
		p.Data = dataOf(&w)
		return s.put(ctx, tx, who, &p, &e, "proposal.add")
	})
	return p, err
}

// ownUUID keeps a UUID that a client chose for its proposal, if it is one.
func ownUUID(t misp.Text) misp.Text {
	if u, ok := store.ParseUUID(t.Or("")); ok {
		return misp.T(u)
	}
	return misp.Text{}
}

// ProposeEdit suggests another content for an attribute: fields that did not come
// stay as they are. Faults: as Propose.
func (s *Service) ProposeEdit(ctx context.Context, who ident.Actor, attribute string, w misp.Attribute) (p Proposal, err error) {
	return s.about(ctx, who, attribute, "proposal.edit", func(a *intel.Attribute) (Proposal, error) {
		full := a.Wire()
		overlay(&full, &w)
		full.Data = w.Data
		row, bad := intel.Check(s.d.DB, &full)
		if bad != nil {
			return p, invalid(bad)
		}
		out := proposalOf(&row)
		out.Data = dataOf(&w)
		return out, nil
	})
}

// ProposeRemoval suggests that an attribute is taken out. Faults: as Propose.
func (s *Service) ProposeRemoval(ctx context.Context, who ident.Actor, attribute string) (Proposal, error) {
	return s.about(ctx, who, attribute, "proposal.remove", func(a *intel.Attribute) (Proposal, error) {
		p := proposalOf(a)
		p.Removal, p.Comment = true, ""
		return p, nil
	})
}

// about makes a proposal about an attribute that who sees and that is not deleted.
func (s *Service) about(ctx context.Context, who ident.Actor, attribute, verb string, fn func(a *intel.Attribute) (Proposal, error)) (p Proposal, err error) {
	if err := intel.MayWrite(who); err != nil {
		return p, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := s.d.Intel.AttributeTx(ctx, tx, who, attribute)
		if err == nil && a.Deleted {
			err = fault.New(fault.NotFound, "attribute %q is deleted", attribute).WithKey("intel.fault.no-attribute")
		}
		if err != nil {
			return err
		}
		if p, err = fn(&a); err != nil {
			return err
		}
		p.Attribute, p.UUID = a.ID, a.UUID
		return s.put(ctx, tx, who, &p, a.Event, verb)
	})
	return p, err
}

// openMost bounds how many open proposals of one organisation an event bears.
const openMost = 2000

// put writes a proposal of who's and tells whoever listens.
func (s *Service) put(ctx context.Context, tx *store.Tx, who ident.Actor, p *Proposal, e *intel.Event, verb string) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if p.Org, err = s.d.Intel.OwnOrgTx(ctx, tx, who); err != nil {
		return err
	}
	n, err := store.Int64(ctx, tx, countOpen, e.ID, p.Org.ID)
	if err != nil {
		return err
	}
	if n >= openMost {
		return fault.New(fault.Limited, "%d open proposals of organisation %d on event %d", n, p.Org.ID, e.ID)
	}
	p.ID, p.Event, p.EventUUID, p.Owner, p.Person = s.d.DB.NewID(), e.ID, e.UUID, e.Owner.ID, who.Person
	p.Timestamp, p.Created, p.State = now/1e6, now, Open
	if err := insertProposal(ctx, tx, s.d.Vault, p); err != nil {
		return err
	}
	if err := jobs.Publish(ctx, tx, ProposalMade{ID: p.ID, Event: e.ID}); err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, who, verb, p.thing(), map[string]any{"proposal": p.ID, "attribute": p.Attribute})
}

func invalid(bad *misp.Invalid) error {
	return fault.Field(bad.Field, "intel.fault.attribute", "%s", bad.Text)
}

func proposalOf(a *intel.Attribute) Proposal {
	return Proposal{UUID: a.UUID, Type: a.Type, Category: a.Category, Value: a.Value, Comment: a.Comment, ToIDS: a.ToIDS,
		FirstSeen: a.FirstSeen, LastSeen: a.LastSeen}
}

// overlay lays the fields of b that a proposal may change over a.
func overlay(a, b *misp.Attribute) {
	for _, t := range [][2]*misp.Text{{&a.Category, &b.Category}, {&a.Type, &b.Type}, {&a.Value, &b.Value}, {&a.Comment, &b.Comment},
		{&a.FirstSeen, &b.FirstSeen}, {&a.LastSeen, &b.LastSeen}} {
		if t[1].Is != misp.Absent {
			*t[0] = *t[1]
		}
	}
	if b.ToIDS.Given() {
		a.ToIDS = b.ToIDS
	}
}

// ProposalFilter narrows Proposals. With neither Event nor All only those on
// events that the own organisation holds.
type ProposalFilter struct {
	Event     string // id or UUID
	Attribute int64
	All       bool
	Since     int64 // seconds
	Deleted   intel.Deleted
	Limit     int // 0 = all
	Page      int // from 1
}

// Proposals streams proposals on events and attributes that who sees, by type and
// id. Faults: NotFound for an event that may not be seen.
func (s *Service) Proposals(ctx context.Context, who ident.Actor, f ProposalFilter, yield func(*Proposal) error) error {
	if err := intel.MayRead(who); err != nil {
		return err
	}
	var event int64
	err := s.view(ctx, who, "proposal.list", audit.Thing{Kind: "proposal", Label: f.Event}, func(tx *store.Tx) error {
		if f.Event == "" {
			return nil
		}
		e, err := s.d.Intel.EventTx(ctx, tx, who, f.Event)
		event = e.ID
		return err
	})
	if err != nil {
		return err
	}
	skip, left := f.Limit*(max(f.Page, 1)-1), f.Limit
	after := place{}
	for {
		var list []Proposal
		err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
			list, err = listProposals(ctx, tx, who, f, event, after)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			after = place{list[i].Type, list[i].ID}
			if skip > 0 {
				skip--
				continue
			}
			if err := yield(&list[i]); err != nil {
				return err
			}
			if left--; f.Limit > 0 && left == 0 {
				return nil
			}
		}
	}
}

// Proposal reads one, decided ones too. Faults: NotFound.
func (s *Service) Proposal(ctx context.Context, who ident.Actor, ref string) (p Proposal, err error) {
	if err := intel.MayRead(who); err != nil {
		return p, err
	}
	err = s.view(ctx, who, "proposal.view", audit.Thing{Kind: "proposal", Label: ref}, func(tx *store.Tx) error {
		p, err = readProposal(ctx, tx, s.d.Vault, who, ref)
		return err
	})
	return p, err
}

// CountOpen counts what waits for a decision on one event, or on all of them (event 0), as
// far as who sees it.
func (s *Service) CountOpen(ctx context.Context, who ident.Actor, event int64) (n int64, err error) {
	if err := intel.MayRead(who); err != nil {
		return 0, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		n, err = countSeen(ctx, tx, who, event)
		return err
	})
	return n, err
}

// keep is the attribute as it was, for taking an acceptance back.
func keep(a *intel.Attribute) string {
	w := a.Wire()
	return string(misp.Append(nil, &w))
}

func kept(text string) (misp.Attribute, error) {
	list, _, err := misp.Read[misp.Attribute](strings.NewReader(text), misp.Limits{}, "Attribute")
	if err != nil || len(list) != 1 {
		return misp.Attribute{}, fault.New(fault.Gone, "what the attribute was before is not known").WithKey("intel.fault.changed")
	}
	w := list[0]
	return misp.Attribute{Category: w.Category, Type: w.Type, Value: w.Value, Comment: w.Comment, ToIDS: w.ToIDS, FirstSeen: w.FirstSeen, LastSeen: w.LastSeen}, nil
}
