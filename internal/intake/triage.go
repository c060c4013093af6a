package intake

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Decision is a classification as an analyst gives it. Nil slices and maps and empty
// texts leave what is there.
type Decision struct {
	Type     Type
	RSIT     []string
	National []string
	Facts    map[string]string
	Severity string // override of the computed one; then Why is needed
	Why      string
	TLP, PAP string
	Org      *string // UUID or exact name; "" takes it out
	Sector   *string
}

// Labels of TLP 2.0 and PAP, as they are kept.
var (
	TLPs = []string{"RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"}
	PAPs = []string{"RED", "AMBER", "GREEN", "CLEAR"}
)

// act is one step of triage: change is given the report, says what to record, and
// may do more in the same transaction.
type act struct {
	verb    string
	version int64 // the version the person saw; 0 does not insist
	bulk    int64 // the press on several reports that this step is of
	change  func(ctx context.Context, tx *store.Tx, r *Report) (detail any, err error)
}

// do runs an act on a report that who may see and triage: row, history, clocks,
// search words and audit line together. Faults: NotFound, Denied, Conflict.
func (s *Service) do(ctx context.Context, who ident.Actor, uuid string, a act) (r Report, err error) {
	if err := mayTriage(who); err != nil {
		return r, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if r, err = s.seenTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		return s.apply(ctx, tx, who, &r, a)
	})
	return r, err
}

func (s *Service) apply(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, a act) error {
	if r.stale(a.version) {
		return changed(r)
	}
	was := r.Triage
	was.RSIT, was.National = slices.Clone(was.RSIT), slices.Clone(was.National)
	detail, err := a.change(ctx, tx, r)
	if err != nil {
		return err
	}
	id := s.DB.NewID()
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if err := insertAct(ctx, tx, actRow{id: id, report: r.ID, at: now, person: who.Person, author: who.Name, verb: a.verb, was: was, now: r.Triage, bulk: a.bulk}); err != nil {
		return err
	}
	if err := s.save(ctx, tx, r, was); err != nil {
		return err
	}
	return s.record(ctx, tx, who, "report."+a.verb, r, detail)
}

func changed(r *Report) error {
	return fault.New(fault.Conflict, "report %d changed meanwhile (version %d)", r.ID, r.Version).WithKey("intake.fault.changed")
}

// save writes the report after an act, and lets its clocks and words follow.
func (s *Service) save(ctx context.Context, tx *store.Tx, r *Report, was Triage) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	r.Updated = at(now)
	if err := s.followClocks(ctx, tx, r, was.State, at(now)); err != nil {
		return err
	}
	n, err := updateReport(ctx, tx, r)
	if err != nil {
		return err
	}
	if n == 0 {
		return changed(r)
	}
	r.Version++
	if was.OrgName != r.OrgName {
		return s.writeWords(ctx, tx, r)
	}
	return nil
}

// followClocks ends the triage clock when a report is decided, and the answer clock
// unless it became a case (its reporter is still to be answered), and takes both
// back when the decision is undone.
func (s *Service) followClocks(ctx context.Context, tx *store.Tx, r *Report, was State, now time.Time) error {
	if was.Open() == r.State.Open() {
		return nil
	}
	if r.State.Open() {
		r.Triaged = time.Time{}
		if err := deadline.UndoneTx(ctx, tx, "report", r.ID, "triage"); err != nil {
			return err
		}
		answered, err := answeredAt(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.Answered = at(answered); answered == 0 {
			return deadline.UndoneTx(ctx, tx, "report", r.ID, "answer")
		}
		return nil
	}
	r.Triaged = now
	if err := deadline.DoneTx(ctx, tx, "report", r.ID, "triage"); err != nil {
		return err
	}
	if r.State == Accepted || !r.Answered.IsZero() {
		return nil
	}
	r.Answered = now
	return deadline.DoneTx(ctx, tx, "report", r.ID, "answer")
}

// Classify sets type, codes, severity, labels and organisation. Needs intake.triage.
// Faults: NotFound, Conflict, Invalid with fields.
func (s *Service) Classify(ctx context.Context, who ident.Actor, uuid string, version int64, d Decision) (Report, error) {
	return s.do(ctx, who, uuid, act{verb: "classify", version: version, change: func(ctx context.Context, tx *store.Tx, r *Report) (any, error) {
		return nil, s.decide(ctx, tx, who, r, d)
	}})
}

func (s *Service) decide(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, d Decision) error {
	var c fault.Collector
	if d.Type != "" {
		c.Require(d.Type.Validate() == nil, "type", "intake.fault.type")
		r.Type = d.Type
	}
	if d.RSIT != nil {
		c.Require(s.Book().checkRSIT(d.RSIT) == nil, "rsit", "intake.fault.class")
		r.RSIT = d.RSIT
	}
	if d.National != nil {
		c.Require(s.Book().checkNational(d.National) == nil, "national", "intake.fault.class")
		r.National = d.National
	}
	if d.TLP != "" {
		c.Require(slices.Contains(TLPs, d.TLP), "tlp", "intake.fault.label")
		r.TLP = d.TLP
	}
	if d.PAP != "" {
		c.Require(slices.Contains(PAPs, d.PAP), "pap", "intake.fault.label")
		r.PAP = d.PAP
	}
	if err := s.decideSeverity(r, d, &c); err != nil {
		return err
	}
	if err := s.decideOrg(ctx, tx, who, r, d, &c); err != nil {
		return err
	}
	return c.Err("classification")
}

// decideSeverity computes from the facts; a person's override needs a reason, and
// taking it back needs only an empty severity with facts.
func (s *Service) decideSeverity(r *Report, d Decision, c *fault.Collector) error {
	if d.Facts != nil {
		sev, _, err := s.Book().Severity(d.Facts)
		if err != nil {
			return err
		}
		r.Facts, r.Computed, r.Severity, r.SeverityReason = d.Facts, sev, sev, ""
	}
	if d.Severity == "" || d.Severity == r.Computed && d.Why == "" {
		return nil
	}
	c.Require(severityRank(d.Severity) > 0, "severity", "web.error.choice")
	c.Require(strings.TrimSpace(d.Why) != "" && utf8.RuneCountInString(d.Why) <= maxShort, "why", "intake.fault.why")
	r.Severity, r.SeverityReason = d.Severity, strings.TrimSpace(tidy(d.Why))
	return nil
}

func (s *Service) decideOrg(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, d Decision, c *fault.Collector) error {
	if d.Sector != nil {
		r.Sector = cut(*d.Sector, 60)
	}
	if d.Org == nil {
		return nil
	}
	if strings.TrimSpace(*d.Org) == "" {
		r.Org, r.OrgName, r.OrgBy = 0, "", ""
		return nil
	}
	o, err := s.Registry.RefTx(ctx, tx, who, strings.TrimSpace(tidy(*d.Org)))
	if fault.Is(err, fault.NotFound) {
		c.Add("org", "intake.fault.org")
		return nil
	}
	if err != nil || o.ID == r.Org {
		return err
	}
	r.Org, r.OrgName, r.OrgBy = o.ID, o.Name, "analyst"
	if d.Sector == nil {
		r.Sector = o.Sector
	}
	return nil
}

// Take makes who the one who works on a report; Release gives it back.
func (s *Service) Take(ctx context.Context, who ident.Actor, uuid string) (Report, error) {
	return s.do(ctx, who, uuid, takeAct(who))
}

func takeAct(who ident.Actor) act {
	return act{verb: "take", change: func(_ context.Context, _ *store.Tx, r *Report) (any, error) {
		r.Assignee, r.AssigneeName = who.Person, who.Name
		return nil, nil
	}}
}

// Release gives a report back to the queue.
func (s *Service) Release(ctx context.Context, who ident.Actor, uuid string) (Report, error) {
	return s.do(ctx, who, uuid, act{verb: "release", change: func(_ context.Context, _ *store.Tx, r *Report) (any, error) {
		r.Assignee, r.AssigneeName = 0, ""
		return nil, nil
	}})
}

// Reject ends a report with a reason that its reporter reads. Needs intake.triage.
func (s *Service) Reject(ctx context.Context, who ident.Actor, uuid string, version int64, reason string) (Report, error) {
	reason = strings.TrimSpace(tidy(reason))
	if reason == "" || utf8.RuneCountInString(reason) > 1000 {
		return Report{}, fault.Field("reason", "intake.fault.reason", "a rejection needs a reason of up to 1,000 characters")
	}
	return s.do(ctx, who, uuid, act{verb: ActReject, version: version, change: func(ctx context.Context, tx *store.Tx, r *Report) (_ any, err error) {
		if r.State, err = r.State.move(ActReject); err != nil {
			return nil, err
		}
		r.Reason = reason
		return nil, s.letter(ctx, tx, r, "closed")
	}})
}

// MarkDuplicate makes a report a duplicate of another (UUID or number) that who may
// see. A chain is allowed, a ring is a Conflict; the first of a chain keeps the work.
func (s *Service) MarkDuplicate(ctx context.Context, who ident.Actor, uuid string, version int64, of string) (Report, error) {
	return s.do(ctx, who, uuid, s.duplicateAct(who, version, of))
}

func (s *Service) duplicateAct(who ident.Actor, version int64, of string) act {
	return act{verb: ActDuplicate, version: version, change: func(ctx context.Context, tx *store.Tx, r *Report) (any, error) {
		other, err := s.refTx(ctx, tx, who, of)
		if fault.Is(err, fault.NotFound) {
			return nil, fault.Field("of", "intake.fault.noreport", "no report %q", of)
		}
		if err != nil {
			return nil, err
		}
		if other.CERT != r.CERT {
			return nil, fault.Field("of", "intake.fault.noreport", "a report of another CERT")
		}
		for next, hops := &other, 0; ; hops++ {
			if next.ID == r.ID || hops > 100 {
				return nil, fault.New(fault.Conflict, "report %d would become a duplicate of itself", r.ID).WithKey("intake.fault.ring")
			}
			if next.DuplicateOf == 0 {
				break
			}
			up, found, err := reportByID(ctx, tx, next.DuplicateOf)
			if err != nil || !found {
				return nil, err
			}
			next = &up
		}
		if r.State, err = r.State.move(ActDuplicate); err != nil {
			return nil, err
		}
		r.DuplicateOf = other.ID
		return map[string]any{"of": other.Number}, nil
	}}
}

// Accept opens a case with chosen facts, or joins the case with number into. summary
// is what the analyst writes for the case; a sealed report's own text never goes
// there by itself. Needs intake.triage; the case's room checks its own right.
func (s *Service) Accept(ctx context.Context, who ident.Actor, uuid string, version int64, into, title, summary string) (Report, error) {
	if s.Cases == nil {
		return Report{}, fault.New(fault.Unavailable, "no room for cases is wired").WithKey("intake.fault.nocases")
	}
	return s.do(ctx, who, uuid, act{verb: ActAccept, version: version, change: func(ctx context.Context, tx *store.Tx, r *Report) (_ any, err error) {
		if r.Type == Question {
			return nil, fault.New(fault.Conflict, "a question is answered, not handled as a case").WithKey("intake.fault.question")
		}
		if r.State, err = r.State.move(ActAccept); err != nil {
			return nil, err
		}
		seed, err := s.seed(ctx, tx, r, title, summary)
		if err != nil {
			return nil, err
		}
		if into = strings.TrimSpace(tidy(into)); into == "" {
			r.Case, r.CaseNumber, err = s.Cases.OpenFromReportTx(ctx, tx, who, seed)
		} else if r.Case, err = s.Cases.LinkReportTx(ctx, tx, who, into, seed); err == nil {
			r.CaseNumber = into
		} else if fault.Is(err, fault.NotFound) {
			err = fault.Field("into", "intake.fault.nocase", "no case %q", into)
		}
		if err != nil {
			return nil, err
		}
		return map[string]any{"case": r.CaseNumber}, s.letter(ctx, tx, r, "state")
	}})
}

// seed chooses what a case starts with.
func (s *Service) seed(ctx context.Context, tx *store.Tx, r *Report, title, summary string) (CaseSeed, error) {
	seed := CaseSeed{Report: r.ID, Number: r.Number, Audience: r.audience, CERT: r.CERT, Title: cut(strings.TrimSpace(title), 200),
		Summary: cut(strings.TrimSpace(summary), maxDescription), Severity: r.Severity, TLP: r.TLP, PAP: r.PAP, RSIT: r.RSIT, National: r.National,
		Org: r.Org, OrgName: r.OrgName, Sector: r.Sector, AwareAt: us(r.Received), Vulnerability: r.Type == Vulnerability}
	if seed.Title == "" {
		seed.Title = r.Title
	}
	if seed.Title == "" {
		if seed.Title = s.Book().WhatLabel(r.What).In(i18n.SrCyrl); seed.Title == "" {
			seed.Title = r.Number
		}
	}
	if seed.Summary != "" || r.Sealed {
		return seed, nil
	}
	m, _, err := submissionOf(ctx, tx, r.submission)
	if err != nil {
		return seed, err
	}
	var b Body
	if err := decodeBody(m.body, &b); err != nil {
		return seed, err
	}
	seed.Summary = b.Description
	return seed, nil
}
