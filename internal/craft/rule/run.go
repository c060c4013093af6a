package rule

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

const hour = 3600 * 1_000_000 // µs

// States of a run.
const (
	Working  = "working"
	Asked    = "asked"    // waits for a person
	Gathered = "gathered" // waits for the daily or weekly letter
	Done     = "done"
	Failed   = "failed"
	Declined = "declined"
)

// Said is what became of one act.
type Said struct {
	Text  string `json:"text,omitempty"`  // a number or address that the act gave
	Fault string `json:"fault,omitempty"` // message key of why it failed
	At    int64  `json:"at"`
}

// Run is one time that a rule held for something.
type Run struct {
	ID        int64
	Rule      int64
	RuleUUID  string // in lists that mix rules
	RuleName  string
	Trigger   string
	Subject   int64
	About     *Subject // nil when the reader may not see it (any more)
	At        int64
	Acts      []Act
	Step      int
	State     string
	Said      []Said
	Ended     int64
	DecidedBy int64
}

// Jobs are what the engine runs: one weighing an event of the outbox, the acts, the letters.
func (s *Service) Jobs() []jobs.Def {
	defs := []jobs.Def{
		{Kind: jobAct, Run: s.work, Timeout: 5 * time.Minute, Tries: actTries},
		{Kind: "rule.digest", Run: s.digest, Every: 15 * time.Minute, Timeout: 10 * time.Minute},
	}
	for _, on := range s.events() {
		defs = append(defs, jobs.Def{Kind: weighing(on), Run: func(ctx context.Context, task *jobs.Task) error { return s.weigh(ctx, task, on) }, Timeout: 5 * time.Minute})
	}
	return defs
}

const (
	jobAct   = "rule.act"
	actTries = 6
)

func weighing(on []*Trigger) string { return "rule.weigh." + on[0].Event }

// events are the triggers by the event of the outbox that starts them.
func (s *Service) events() (out [][]*Trigger) {
	place := map[string]int{}
	for i := range s.triggers {
		t := &s.triggers[i]
		at, known := place[t.Event]
		if !known {
			at = len(out)
			place[t.Event], out = at, append(out, nil)
		}
		out[at] = append(out[at], t)
	}
	return out
}

// Subscriptions joins the triggers to the events of the outbox.
func (s *Service) Subscriptions() (out []jobs.Subscription) {
	for _, on := range s.events() {
		out = append(out, jobs.Subscription{Event: on[0].Event, Kind: weighing(on)})
	}
	return out
}

type order struct {
	Run int64 `json:"run"`
}

// weigh holds one happening against every rule that waits for one of its triggers.
// Where none waits, nothing is read.
func (s *Service) weigh(ctx context.Context, task *jobs.Task, on []*Trigger) error {
	id, err := on[0].ID(task.Payload)
	if err != nil {
		return fault.New(fault.Invalid, "payload of job %d", task.ID).Because(err)
	}
	seen := map[int64]*Subject{} // by person; nil = may not see it
	var held []Rule
	for _, t := range on {
		var rules []Rule
		if err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
			rules, err = store.All(ctx, tx, scanRule, rulesOn, t.Name)
			return err
		}); err != nil {
			return err
		}
		for i := range rules {
			x, known := seen[rules[i].Person]
			if !known {
				if x, err = s.load(ctx, rules[i].Person, t, id); err != nil {
					return err
				}
				seen[rules[i].Person] = x
			}
			if x == nil || t.Stage != nil && !t.Stage(x) {
				continue
			}
			if cond, err := rules[i].Cond.compile(t); err == nil && cond.Holds(x.Facts) {
				held = append(held, rules[i])
			}
		}
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		for i := range held {
			if err := s.startTx(ctx, tx, &held[i], task.ID, id); err != nil {
				return err
			}
		}
		return task.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// load reads a subject as a person sees it now; nil when they do not.
func (s *Service) load(ctx context.Context, person int64, t *Trigger, id int64) (*Subject, error) {
	who, err := s.d.People.Resolve(ctx, person, ident.Job)
	if account.IsUnauthenticated(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if t.Perm != "" && !access.Allowed(who, t.Perm) {
		return nil, nil
	}
	x, err := t.Load(ctx, who, id)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Gone) {
		return nil, nil
	}
	return x, err
}

// startTx remembers that a rule held and starts its acts, or lets it wait for a
// person when it held too often in the last hour.
func (s *Service) startTx(ctx context.Context, tx *store.Tx, r *Rule, cause, subject int64) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	lately, err := store.Int64(ctx, tx, sinceHour, r.ID, now-hour)
	if err != nil {
		return err
	}
	acts, err := json.Marshal(r.Acts)
	if err != nil {
		return err
	}
	state, id := Working, s.d.DB.NewID()
	if lately >= int64(r.Hourly) && !r.Own() {
		state = Asked
	}
	n, err := tx.Exec(ctx, insertRun, id, r.ID, cause, subject, now, string(acts), state)
	if err != nil || n == 0 || state == Asked {
		return err
	}
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobAct, Payload: order{id}})
}

// work carries out a run's acts from where it stands, remembering each.
func (s *Service) work(ctx context.Context, task *jobs.Task) error {
	var o order
	if err := task.Decode(&o); err != nil {
		return err
	}
	for {
		x, r, err := s.find(ctx, o.Run)
		if err != nil || x.State != Working {
			return err
		}
		if r.Gone > 0 || x.Step >= len(x.Acts) {
			return s.step(ctx, &x, &r, Done, nil)
		}
		if err := s.act(ctx, &x, &r); err != nil {
			f := fault.Of(err)
			if (f == nil || f.Kind == fault.Unavailable || f.Kind == fault.Limited || f.Kind == fault.Conflict) && task.Attempt < actTries {
				return err
			}
			return s.step(ctx, &x, &r, Failed, &Said{Fault: reason(err)})
		}
	}
}

// reason is the message key that tells a person why an act failed.
func reason(err error) string {
	f := fault.Of(err)
	switch {
	case f == nil:
		return "fault.unavailable"
	case f.Key != "":
		return f.Key
	case f.Kind == fault.Denied:
		return "fault.denied"
	case f.Kind == fault.NotFound:
		return "rules.fault.gone"
	}
	for _, key := range f.Fields {
		return key
	}
	return "fault.unavailable"
}

var errNobody = fault.New(fault.Denied, "the rule's person is not there any more").WithKey("rules.fault.nobody")

// act carries out the act at the run's step.
func (s *Service) act(ctx context.Context, x *Run, r *Rule) error {
	a, t, do := s.action(x.Acts[x.Step].Do), s.trigger(r.Trigger), x.Acts[x.Step]
	if a == nil || t == nil {
		return fault.New(fault.Gone, "no such act").WithKey("rules.fault.do")
	}
	if do.Do == Ask {
		return s.step(ctx, x, r, Asked, nil)
	}
	who, err := s.d.People.Resolve(ctx, r.Person, ident.Job)
	if account.IsUnauthenticated(err) {
		return errNobody
	}
	if err != nil {
		return err
	}
	if a.Perm != "" && !access.Allowed(who, a.Perm) {
		return errNobody
	}
	about, err := t.Load(ctx, who, x.Subject)
	if err != nil {
		return err
	}
	if do.Do == Alert {
		return s.alert(ctx, x, r, who, about)
	}
	said, err := a.Do(ctx, who, Order{Key: "rule." + strconv.FormatInt(x.ID, 10) + "." + strconv.Itoa(x.Step), Rule: r.UUID, Name: r.Name,
		Trigger: r.Trigger, Subject: about, With: do.With})
	if err != nil {
		return err
	}
	return s.step(ctx, x, r, Working, &Said{Text: said})
}

// alert tells at once, or leaves the run to the letter of the day.
func (s *Service) alert(ctx context.Context, x *Run, r *Rule, who ident.Actor, about *Subject) error {
	if x.Acts[x.Step].With["when"] != AtOnce {
		return s.step(ctx, x, r, Gathered, nil)
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := holdRule(ctx, tx, r.ID); err != nil { // before the log's own lock, as everywhere
			return err
		}
		if err := s.stepTx(ctx, tx, x, r, Working, &Said{}); err != nil {
			return err
		}
		return s.tellTx(ctx, tx, who, r, about)
	}, store.InLane(store.Jobs))
}

func (s *Service) find(ctx context.Context, id int64) (x Run, r Rule, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		var found bool
		if x, found, err = store.First(ctx, tx, scanRun, oneRun, id); err != nil || !found {
			return err
		}
		r, _, err = store.First(ctx, tx, scanRule, ruleByID, x.Rule)
		return err
	})
	return x, r, err
}

// step moves a run on: said = the act at its step is over, with that outcome. Past
// the last act a working run is done.
func (s *Service) step(ctx context.Context, x *Run, r *Rule, state string, said *Said) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error { return s.stepTx(ctx, tx, x, r, state, said) }, store.InLane(store.Jobs))
}

func (s *Service) stepTx(ctx context.Context, tx *store.Tx, x *Run, r *Rule, state string, said *Said) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	to, list := x.Step, x.Said
	if said != nil {
		done := *said
		done.At = now
		list = append(list[:len(list):len(list)], done)
		if done.Fault == "" {
			to++
		}
	}
	if state == Working && to >= len(x.Acts) {
		state = Done
	}
	ended := int64(0)
	if state == Done || state == Failed || state == Declined {
		ended = now
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, stepRun, x.ID, x.Step, to, state, string(text), ended, x.DecidedBy, x.State)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "run %d has moved on", x.ID).WithKey("fault.conflict")
	}
	detail := map[string]any{"run": x.ID, "state": state, "step": x.Step, "about": x.Subject}
	if x.Step < len(x.Acts) {
		detail["act"] = x.Acts[x.Step].Do
	}
	return s.d.Audit.Record(ctx, tx, part, "rule.run", thing(r), detail)
}

// part is the engine itself in the audit log; what an act does is logged by its room
// under the rule's person.
var part = ident.SystemPart("rules")

// Runs lists what became of a rule, newest first, before the run of that id (0 = all).
func (s *Service) Runs(ctx context.Context, who ident.Actor, uuid string, before int64, limit int) (out []Run, err error) {
	var r Rule
	if err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if r, err = s.getTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		out, err = store.All(ctx, tx, scanRun, runsOf, r.ID, bound(before), limit)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range out {
		if err := s.fill(ctx, who, &out[i], &r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func bound(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}

// fill names a run's rule and reads what it is about, with the reader's rights.
func (s *Service) fill(ctx context.Context, who ident.Actor, x *Run, r *Rule) error {
	x.RuleUUID, x.RuleName, x.Trigger = r.UUID, r.Name, r.Trigger
	t := s.trigger(r.Trigger)
	if t == nil || t.Perm != "" && !access.Allowed(who, t.Perm) {
		return nil
	}
	about, err := t.Load(ctx, who, x.Subject)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Gone) {
		return nil
	}
	x.About = about
	return err
}

// Waiting lists the runs of the team's rules that wait for a person, newest first.
// Needs rule.read.
func (s *Service) Waiting(ctx context.Context, who ident.Actor, before int64, limit int) (out []Run, err error) {
	if err := mayList(who, false); err != nil {
		return nil, err
	}
	var rules []Rule
	if err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if out, err = store.All(ctx, tx, scanRun, asking, who.CERT, bound(before), limit); err != nil {
			return err
		}
		rules, err = store.All(ctx, tx, scanRule, rulesOf, who.CERT, who.Person)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range out {
		for j := range rules {
			if rules[j].ID == out[i].Rule {
				if err := s.fill(ctx, who, &out[i], &rules[j]); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// CountWaiting counts them.
func (s *Service) CountWaiting(ctx context.Context, who ident.Actor) (n int64, err error) {
	if mayList(who, false) != nil {
		return 0, nil
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { n, err = store.Int64(ctx, tx, countAsk, who.CERT); return err })
	return n, err
}

// Decide answers a run that waits: the rest of its acts go on, or it is declined.
// Needs rule.decide. Faults: NotFound, Conflict when somebody was quicker.
func (s *Service) Decide(ctx context.Context, who ident.Actor, uuid string, run int64, yes bool) error {
	return s.push(ctx, who, uuid, run, Asked, func(tx *store.Tx, x *Run, r *Rule) error {
		x.DecidedBy = who.Person
		if !yes {
			return s.stepTx(ctx, tx, x, r, Declined, nil)
		}
		var said *Said
		if x.Step < len(x.Acts) && x.Acts[x.Step].Do == Ask {
			said = &Said{}
		}
		return s.stepTx(ctx, tx, x, r, Working, said)
	})
}

// Again lets a run that failed try its act once more. Needs rule.decide.
func (s *Service) Again(ctx context.Context, who ident.Actor, uuid string, run int64) error {
	return s.push(ctx, who, uuid, run, Failed, func(tx *store.Tx, x *Run, r *Rule) error {
		x.DecidedBy = who.Person
		return s.stepTx(ctx, tx, x, r, Working, nil)
	})
}

func (s *Service) push(ctx context.Context, who ident.Actor, uuid string, run int64, from string, do func(*store.Tx, *Run, *Rule) error) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := s.getTx(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if !r.Own() {
			if err := access.Check(who, "rule.decide"); err != nil {
				return err
			}
		}
		x, found, err := store.First(ctx, tx, scanRun, oneRun, run)
		if err != nil {
			return err
		}
		if !found || x.Rule != r.ID {
			return fault.New(fault.NotFound, "no such run")
		}
		if x.State != from {
			return fault.New(fault.Conflict, "run %d has moved on", run).WithKey("fault.conflict")
		}
		if err := do(tx, &x, &r); err != nil {
			return err
		}
		if err := s.d.Audit.Record(ctx, tx, who, "rule.decide", thing(&r), map[string]any{"run": x.ID, "was": from}); err != nil {
			return err
		}
		return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobAct, Payload: order{x.ID}})
	})
}
