package rule

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// People resolves who a rule's person is now; account.Service does. Faults:
// Unauthenticated when the account is closed.
type People interface {
	Resolve(ctx context.Context, person int64, c ident.Channel) (ident.Actor, error)
}

// Deps is what rules stand on.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	People People
	Post   *mail.Post // nil = no letters
	Text   *i18n.Catalog
	World  World
	Keys   Keys
	Origin func() string // of our own pages
}

// Service is the door to rules. Safe for concurrent use once Offer was called.
type Service struct {
	d        Deps
	triggers []Trigger
	actions  []Action
}

// New makes the engine with the triggers and actions of all rooms.
func New(d Deps, triggers []Trigger, actions []Action) *Service {
	s := &Service{d: d, triggers: triggers}
	s.actions = append([]Action{
		{Name: Ask, Params: []Param{{Name: "question", Optional: true}}},
		{Name: Alert, Params: []Param{{Name: "when", Choices: []string{AtOnce, Daily, Weekly}}}, Check: func(_ context.Context, who ident.Actor, _ map[string]string) error {
			if who.Email == "" {
				return fault.Field("when", "rules.fault.email", "nowhere to write to")
			}
			return nil
		}},
		{Name: "mail", Perm: "rule.read", Params: []Param{{Name: "to", Choices: []string{ToPerson, ToLeads, ToTeam}}}, Do: s.mail},
		{Name: "webhook", Perm: "rule.write", Params: []Param{{Name: "url", Long: true}}, Check: checkWebhook, Do: s.webhook},
	}, actions...)
	return s
}

// Triggers are those that who could use, in a fixed order.
func (s *Service) Triggers(_ context.Context, who ident.Actor) []Trigger {
	return slices.DeleteFunc(slices.Clone(s.triggers), func(t Trigger) bool { return t.Perm != "" && !access.Allowed(who, t.Perm) })
}

// Actions are those that who could use on a trigger; own are those of a person's alert.
func (s *Service) Actions(_ context.Context, who ident.Actor, trigger string, own bool) []Action {
	return slices.DeleteFunc(slices.Clone(s.actions), func(a Action) bool {
		return own != (a.Name == Alert) || a.Perm != "" && !access.Allowed(who, a.Perm) ||
			trigger != "" && a.For != nil && !slices.Contains(a.For, trigger)
	})
}

func (s *Service) trigger(name string) *Trigger {
	for i := range s.triggers {
		if s.triggers[i].Name == name {
			return &s.triggers[i]
		}
	}
	return nil
}

func (s *Service) action(name string) *Action {
	for i := range s.actions {
		if s.actions[i].Name == name {
			return &s.actions[i]
		}
	}
	return nil
}

func thing(r *Rule) audit.Thing { return audit.Thing{Kind: "rule", ID: r.ID, Label: r.UUID} }

// mayList: a team's rules are its team's, an alert is its person's alone.
func mayList(who ident.Actor, own bool) error {
	if own {
		if who.Person == 0 || who.Key != 0 {
			return fault.New(fault.Denied, "%s has no alerts", who).WithKey("fault.denied")
		}
		return nil
	}
	if who.CERT == 0 {
		return fault.New(fault.Denied, "%s is on no team", who).WithKey("fault.denied")
	}
	return access.Check(who, "rule.read")
}

func mayChange(who ident.Actor, own bool) error {
	if err := mayList(who, own); err != nil || own {
		return err
	}
	return access.Check(who, "rule.write")
}

func cert(who ident.Actor, own bool) int64 {
	if own {
		return 0
	}
	return who.CERT
}

// List gives the rules of the caller's team, or their own alerts, with what became of
// them in the last 30 days. Needs rule.read for the team's.
func (s *Service) List(ctx context.Context, who ident.Actor, own bool) (out []Rule, err error) {
	if err := mayList(who, own); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if out, err = store.All(ctx, tx, scanRule, rulesOf, cert(who, own), who.Person); err != nil {
			return err
		}
		counts, err := store.All(ctx, tx, scanTally, tallies, cert(who, own), who.Person, now-30*24*hour)
		for _, c := range counts {
			for i := range out {
				if out[i].ID == c.rule {
					out[i].Runs, out[i].Waiting, out[i].Failed, out[i].Last = c.runs, c.waiting, c.failed, c.last
				}
			}
		}
		return err
	})
	return out, err
}

// Get reads one, also one that was removed. Faults: NotFound for those of others.
func (s *Service) Get(ctx context.Context, who ident.Actor, uuid string) (r Rule, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { r, err = s.getTx(ctx, tx, who, uuid); return err })
	return r, err
}

func (s *Service) getTx(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (r Rule, err error) {
	found := false
	if u, ok := store.ParseUUID(uuid); ok {
		if r, found, err = store.First(ctx, tx, scanRule, oneRule, u); err != nil {
			return r, err
		}
	}
	if !found || mayList(who, r.Own()) != nil || r.Own() && r.Person != who.Person || !r.Own() && r.CERT != who.CERT {
		return Rule{}, fault.New(fault.NotFound, "no such rule")
	}
	return r, nil
}

// check judges a rule as a whole. Faults: Invalid by field, Denied for an act that
// the person may not carry out themselves.
func (s *Service) check(ctx context.Context, who ident.Actor, r *Rule) error {
	r.Name = strings.TrimSpace(r.Name)
	if r.Hourly == 0 {
		r.Hourly = usual
	}
	var bad fault.Collector
	bad.Require(r.Name != "" && len(r.Name) <= maxName, "name", "rules.fault.name")
	bad.Require(r.Hourly > 0 && r.Hourly <= maxHourly, "hourly", "rules.fault.hourly")
	bad.Require(len(r.Acts) > 0, "acts", "rules.fault.acts")
	bad.Require(len(r.Acts) <= maxActs, "acts", "rules.fault.many")
	t := s.trigger(r.Trigger)
	bad.Require(t != nil && (t.Perm == "" || access.Allowed(who, t.Perm)), "trigger", "rules.fault.trigger")
	for i := range r.Acts {
		if err := s.checkAct(ctx, who, r, &r.Acts[i]); err != nil {
			if !fault.Is(err, fault.Invalid) {
				return err
			}
			for field, key := range fault.Of(err).Fields {
				bad.Add("act."+strconv.Itoa(i)+"."+field, key)
			}
		}
	}
	if t != nil {
		if _, err := r.Cond.compile(t); err != nil {
			if !fault.Is(err, fault.Invalid) {
				return err
			}
			for field, key := range fault.Of(err).Fields {
				bad.Add(field, key)
			}
		}
	}
	return bad.Err("a rule")
}

func (s *Service) checkAct(ctx context.Context, who ident.Actor, r *Rule, x *Act) error {
	a := s.action(x.Do)
	if a == nil || r.Own() != (x.Do == Alert) && r.Own() || a.For != nil && !slices.Contains(a.For, r.Trigger) {
		return fault.Field("do", "rules.fault.do", "%q does not fit", x.Do)
	}
	if a.Perm != "" && !access.Allowed(who, a.Perm) {
		return fault.Field("do", "rules.fault.perm", "%s needs %s", who, a.Perm)
	}
	var bad fault.Collector
	with := map[string]string{}
	for _, p := range a.Params {
		v := strings.TrimSpace(x.With[p.Name])
		switch {
		case v == "" && !p.Optional:
			bad.Add(p.Name, "web.error.required")
		case len(v) > maxValue:
			bad.Add(p.Name, "web.error.toolong")
		case v != "" && p.Choices != nil && !slices.Contains(p.Choices, v):
			bad.Add(p.Name, "web.error.choice")
		}
		if v != "" {
			with[p.Name] = v
		}
	}
	x.With = with
	if err := bad.Err(x.Do); err != nil || a.Check == nil {
		return err
	}
	return a.Check(ctx, who, with)
}

// Add saves a rule: of the caller's team, or with own their alert. It gets the
// caller's rights. Needs rule.write for the team's. Faults: Invalid by field.
func (s *Service) Add(ctx context.Context, who ident.Actor, r Rule, own bool) (Rule, error) {
	if err := mayChange(who, own); err != nil {
		return r, err
	}
	r.CERT, r.Person = cert(who, own), who.Person
	if err := s.check(ctx, who, &r); err != nil {
		return r, err
	}
	cond, acts, err := r.words()
	if err != nil {
		return r, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		n, err := store.Int64(ctx, tx, countOwn, r.CERT, r.Person)
		if err != nil {
			return err
		}
		if n >= most(own) {
			return fault.Field("name", "rules.fault.full", "%d rules are there", n)
		}
		r.ID, r.UUID, r.Version, r.Created, r.Changed = s.d.DB.NewID(), s.d.DB.NewUUID(), 1, now, now
		if _, err := tx.Exec(ctx, insertRule, r.ID, r.UUID, r.CERT, r.Person, r.Name, r.Trigger, cond, acts, r.Active, r.Hourly, now); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "rule.add", thing(&r), r.brief())
	})
	return r, err
}

// most is how many rules there may be: each is weighed at every event.
func most(own bool) int64 {
	if own {
		return 20
	}
	return 500
}

func (r *Rule) words() (cond, acts string, err error) {
	c, err := json.Marshal(r.Cond)
	if err != nil {
		return "", "", err
	}
	a, err := json.Marshal(r.Acts)
	return string(c), string(a), err
}

// brief is what the audit log says of a rule: no values, which may be personal.
func (r *Rule) brief() map[string]any {
	does := make([]string, len(r.Acts))
	for i, a := range r.Acts {
		does[i] = a.Do
	}
	return map[string]any{"trigger": r.Trigger, "tests": len(r.Cond.Tests), "does": does, "active": r.Active, "own": r.Own()}
}

// Change saves another state of a rule, as it was read at version (0 = whatever is
// there). The rule gets the caller's rights. Needs rule.write for the team's. Faults:
// NotFound, Conflict, Invalid by field.
func (s *Service) Change(ctx context.Context, who ident.Actor, uuid string, version int64, change func(*Rule)) (r Rule, err error) {
	return s.change(ctx, who, uuid, version, "rule.change", func(r *Rule, _ int64) error {
		change(r)
		r.Person = who.Person
		return s.check(ctx, who, r)
	})
}

// Switch turns a rule on or off; on gives it the caller's rights.
func (s *Service) Switch(ctx context.Context, who ident.Actor, uuid string, on bool) (Rule, error) {
	verb := "rule.off"
	if on {
		verb = "rule.on"
	}
	return s.change(ctx, who, uuid, 0, verb, func(r *Rule, _ int64) error {
		r.Active = on
		if !on {
			return nil
		}
		r.Person = who.Person
		return s.check(ctx, who, r)
	})
}

// Remove takes a rule away, with the runs that wait; Restore brings it back.
func (s *Service) Remove(ctx context.Context, who ident.Actor, uuid string) (Rule, error) {
	return s.change(ctx, who, uuid, 0, "rule.remove", func(r *Rule, now int64) error { r.Gone = now; return nil })
}

// Restore is the inverse of Remove.
func (s *Service) Restore(ctx context.Context, who ident.Actor, uuid string) (Rule, error) {
	return s.change(ctx, who, uuid, 0, "rule.restore", func(r *Rule, _ int64) error { r.Gone = 0; return nil })
}

func (s *Service) change(ctx context.Context, who ident.Actor, uuid string, version int64, verb string, do func(r *Rule, now int64) error) (r Rule, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if r, err = s.getTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		if err := mayChange(who, r.Own()); err != nil {
			return err
		}
		if version != 0 && version != r.Version {
			return fault.New(fault.Conflict, "rule %d was changed meanwhile", r.ID).WithKey("fault.conflict")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := do(&r, now); err != nil {
			return err
		}
		cond, acts, err := r.words()
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, updateRule, r.ID, r.Version, r.Person, r.Name, r.Trigger, cond, acts, r.Active, r.Hourly, now, r.Gone)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "rule %d was changed meanwhile", r.ID).WithKey("fault.conflict")
		}
		r.Version, r.Changed = r.Version+1, now
		return s.d.Audit.Record(ctx, tx, who, verb, thing(&r), r.brief())
	})
	return r, err
}

// Tried is one subject beside whether a rule would have held for it.
type Tried struct {
	Subject *Subject
	Holds   bool
	Unknown bool // a fact that decides is not known, which counts as no
}

// tries is how many subjects a rule is tried on.
const tries = 100

// Try weighs a rule, saved or not, against what happened last, and does nothing.
// Faults: Invalid by field.
func (s *Service) Try(ctx context.Context, who ident.Actor, r Rule, own bool) (out []Tried, err error) {
	if err := mayList(who, own); err != nil {
		return nil, err
	}
	t := s.trigger(r.Trigger)
	if t == nil || t.Perm != "" && !access.Allowed(who, t.Perm) {
		return nil, fault.Field("trigger", "rules.fault.trigger", "no such trigger")
	}
	cond, err := r.Cond.compile(t)
	if err != nil || t.Recent == nil {
		return nil, err
	}
	list, err := t.Recent(ctx, who, tries)
	for _, x := range list {
		if t.Stage != nil && !t.Stage(x) {
			continue
		}
		v, err := cond.Eval(x.Facts)
		yes, _ := v.Bool()
		out = append(out, Tried{Subject: x, Holds: err == nil && yes, Unknown: err != nil || v.Kind == pack.Unknown})
	}
	return out, err
}
