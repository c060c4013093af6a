package incident

import (
	"context"
	"maps"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Patch says what of a case changes; nil leaves it as it is.
type Patch struct {
	Title     *string
	Summary   *string
	TLP, PAP  *string
	Classes   *[]string
	National  *[]string
	Sectors   *[]string
	Tags      *[]string
	RootCause *string
	Impact    *string
	Lessons   *string
	Retention *string
	Facts     map[string]string // nil = as it is; computes the severity anew
	Severity  *string           // an override; needs Why. "" takes it back to what was computed
	Why       string
}

// Edit changes what a case says of itself, in one act.
func (s *Service) Edit(ctx context.Context, who ident.Actor, ref string, version int64, p Patch) (Done, error) {
	return s.change(ctx, who, ref, version, p.verb(), func(a *act) error {
		var c fault.Collector
		cols := p.columns(&c, a.c, s.d.Book())
		if err := p.severity(cols, &c, a.c, s.d.Book()); err != nil {
			return err
		}
		if err := c.Err("case"); err != nil {
			return err
		}
		return a.set("incident_case", a.c.ID, cols)
	})
}

// verb names the act after what it mostly does, for the history.
func (p Patch) verb() string {
	switch {
	case p.Facts != nil || p.Severity != nil:
		return "assess"
	case p.Classes != nil || p.National != nil:
		return "classify"
	case p.Summary != nil || p.Title != nil:
		return "describe"
	case p.Tags != nil:
		return "tag"
	case p.TLP != nil || p.PAP != nil:
		return "label"
	}
	return "edit"
}

func (p Patch) columns(c *fault.Collector, was *Case, book *Book) map[string]any {
	cols := map[string]any{}
	short := func(col string, v *string, most int, needed bool) {
		if v != nil {
			cols[col] = text(c, col, *v, most, needed)
		}
	}
	if p.Title != nil {
		cols["title"] = strings.Join(strings.Fields(text(c, "title", *p.Title, 200, true)), " ")
	}
	short("summary", p.Summary, 20_000, false)
	short("root_cause", p.RootCause, 4000, false)
	short("impact", p.Impact, 4000, false)
	short("retention", p.Retention, 60, false)
	if p.Lessons != nil {
		c.Require(slices.Contains([]string{"", "yes", "no"}, *p.Lessons), "lessons", "incident.fault.needed")
		cols["lessons"] = *p.Lessons
	}
	if p.TLP != nil || p.PAP != nil {
		t, q := was.TLP, was.PAP
		if p.TLP != nil {
			t = *p.TLP
		}
		if p.PAP != nil {
			q = *p.PAP
		}
		cols["tlp"], cols["pap"] = labels(c, t, q)
	}
	p.lists(c, was, book, cols)
	return cols
}

func (p Patch) lists(c *fault.Collector, was *Case, book *Book, cols map[string]any) {
	if p.Classes != nil {
		v := list(*p.Classes)
		book.knownAll(c, v, nil)
		cols["classes"], cols["class"] = asJSON(v), Case{Classes: v}.Class()
		cols["class_of"] = classOf(Case{Classes: v}.Class())
	}
	if p.National != nil {
		v := list(*p.National)
		book.knownAll(c, nil, v)
		cols["national"] = asJSON(v)
	}
	if p.Sectors != nil {
		v := list(*p.Sectors)
		for _, x := range v {
			c.Require(codeShape.MatchString(x), "sectors", "incident.fault.code")
		}
		cols["sectors"] = asJSON(v)
	}
	if p.Tags != nil {
		v := list(*p.Tags)
		c.Require(len(v) <= 30, "tags", "incident.fault.long")
		for _, x := range v {
			text(c, "tags", x, 100, true)
		}
		cols["tags"] = asJSON(v)
	}
}

// severity computes from facts; a person's override needs a reason and stays until
// it is taken back.
func (p Patch) severity(cols map[string]any, c *fault.Collector, was *Case, book *Book) error {
	computed, overridden := was.Computed, was.Severity != was.Computed && was.Why != ""
	if p.Facts != nil {
		facts := maps.Clone(was.Facts)
		if facts == nil {
			facts = map[string]string{}
		}
		for k, v := range p.Facts {
			c.Require(codeShape.MatchString(k) && (v == "" || codeShape.MatchString(v)), k, "incident.fault.code")
			if facts[k] = v; v == "" {
				delete(facts, k)
			}
		}
		level, rule, err := book.severity(facts)
		if err != nil {
			return err
		}
		computed = level
		cols["facts"], cols["computed"], cols["rule"] = asJSON(facts), level, rule
		if !overridden {
			cols["severity"], cols["severity_rank"], cols["why"] = level, rankOf(level), ""
		}
	}
	if p.Severity == nil {
		return nil
	}
	want := *p.Severity
	if want == "" || want == computed {
		cols["severity"], cols["severity_rank"], cols["why"] = computed, rankOf(computed), ""
		return nil
	}
	c.Require(rankOf(want) > 0, "severity", "incident.fault.severity")
	why := text(c, "why", p.Why, 1000, false)
	c.Require(why != "", "why", "incident.fault.why")
	cols["severity"], cols["severity_rank"], cols["why"] = want, rankOf(want), why
	return nil
}

// Move changes the state. Waiting needs a reason; closing needs incident.close and
// a case that tells enough: classification, root cause, impact, lessons yes or no,
// retention class. Reopening keeps everything.
func (s *Service) Move(ctx context.Context, who ident.Actor, ref string, version int64, to State, reason string) (Done, error) {
	if err := to.Validate(); err != nil {
		return Done{}, err
	}
	return s.change(ctx, who, ref, version, "move", func(a *act) error {
		if !a.c.State.May(to) {
			return fault.New(fault.Conflict, "a case does not move from %s to %s", a.c.State, to).WithKey("incident.fault.move")
		}
		if to == Closed || a.c.State == Closed {
			if err := a.need("incident.close"); err != nil {
				return err
			}
		}
		var c fault.Collector
		cols := map[string]any{"state": to, "waiting": "", "closed": int64(0)}
		if to == Waiting {
			cols["waiting"] = text(&c, "reason", reason, 500, true)
		}
		if to == Closed {
			a.c.closable(&c)
			open, err := store.Int64(ctx, a.tx, openTasks, a.c.ID)
			if err != nil {
				return err
			}
			c.Require(open == 0, "tasks", "incident.fault.close.tasks")
			cols["closed"] = a.now
		}
		if err := c.Err("state"); err != nil {
			return err
		}
		a.label = string(to)
		if a.c.Lead == 0 && to == InProgress && a.who.Kind == ident.Person {
			cols["lead"], cols["lead_name"] = a.who.Person, nameOf(a.who)
		}
		return a.set("incident_case", a.c.ID, cols)
	})
}

// closable names what a case still lacks before it may be closed.
func (c *Case) closable(f *fault.Collector) {
	f.Require(len(c.Classes) > 0, "classes", "incident.fault.close.class")
	f.Require(c.RootCause != "", "root_cause", "incident.fault.close.cause")
	f.Require(c.Impact != "", "impact", "incident.fault.close.impact")
	f.Require(c.Lessons != "", "lessons", "incident.fault.close.lessons")
	f.Require(c.Retention != "", "retention", "incident.fault.close.retention")
}

// Lacks lists the fields that closing still asks for.
func (c Case) Lacks() []string {
	var f fault.Collector
	c.closable(&f)
	if e := fault.Of(f.Err("")); e != nil {
		return slices.Sorted(maps.Keys(e.Fields))
	}
	return nil
}

// Assign gives the case to a person of the team: 0 gives it back. name is how
// that person is shown; app's account room has checked that the person is there.
func (s *Service) Assign(ctx context.Context, who ident.Actor, ref string, version, person int64, name string) (Done, error) {
	return s.change(ctx, who, ref, version, "assign", func(a *act) error {
		if person == 0 {
			return a.set("incident_case", a.c.ID, map[string]any{"lead": int64(0), "lead_name": ""})
		}
		if err := onTeam(a, person); err != nil {
			return err
		}
		a.label = name
		return a.set("incident_case", a.c.ID, map[string]any{"lead": person, "lead_name": name})
	})
}

// onTeam refuses people who could not see the case.
func onTeam(a *act, person int64) error {
	if person == a.who.Person {
		return nil
	}
	in, err := access.MembersTx(a.ctx, a.tx, access.Team(a.c.CERT), access.KindPerson)
	if err == nil && !slices.Contains(in, person) {
		err = fault.Field("lead", "incident.fault.person", "person %d is not on the team", person)
	}
	return err
}

// Take makes who the lead.
func (s *Service) Take(ctx context.Context, who ident.Actor, ref string) (Done, error) {
	return s.Assign(ctx, who, ref, 0, who.Person, nameOf(who))
}

// AddOrg and DropOrg keep the affected organisations; ref names one of the
// registry (UUID or exact name), a name that the registry does not know stays text.
func (s *Service) AddOrg(ctx context.Context, who ident.Actor, ref, org string) (Done, error) {
	return s.change(ctx, who, ref, 0, "org", func(a *act) error {
		o, err := s.orgTx(ctx, a.tx, who, org)
		if err != nil {
			return err
		}
		for _, x := range a.c.Orgs {
			if x.ID == o.ID && (o.ID != 0 || x.Name == o.Name) {
				return nil
			}
		}
		a.label = o.Name
		_, err = a.add("incident_org", map[string]any{"case_id": a.c.ID, "org": o.ID, "name": o.Name})
		return err
	})
}

// DropOrg takes an affected organisation off the list; row is Org.Row.
func (s *Service) DropOrg(ctx context.Context, who ident.Actor, ref string, row int64) (Done, error) {
	return s.change(ctx, who, ref, 0, "org", func(a *act) error {
		if err := a.child("incident_org", row); err != nil {
			return err
		}
		return a.remove("incident_org", row)
	})
}

// orgTx reads an organisation that who may see; an unknown name is only a name.
func (s *Service) orgTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Org, error) {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > 400 {
		return Org{}, fault.Field("org", "incident.fault.needed", "no organisation")
	}
	o, err := s.d.Registry.OrgByRefTx(ctx, tx, who, ref)
	if fault.Is(err, fault.NotFound) {
		if _, ok := store.ParseUUID(ref); ok {
			return Org{}, fault.Field("org", "incident.fault.org", "no such organisation")
		}
		return Org{Name: ref}, nil
	}
	return Org{ID: o.ID, Name: o.Name}, err
}
