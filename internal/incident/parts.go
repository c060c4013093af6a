package incident

import (
	"context"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Task is something to be done within a case.
type Task struct {
	ID           int64
	Title        string
	Due          int64 // µs, 0 = whenever
	Assignee     int64
	AssigneeName string
	DoneAt       int64
	DoneBy       string
	Created      int64
}

// TaskInput is what somebody types of a task.
type TaskInput struct {
	Title    string
	Due      time.Time
	Assignee int64
	Name     string // of the assignee
}

func (in TaskInput) columns(c *fault.Collector) map[string]any {
	due := int64(0)
	if !in.Due.IsZero() {
		due = clock.Micros(in.Due)
		c.Require(in.Due.Year() < 2100 && in.Due.Year() > 2000, "due", "incident.fault.moment")
	}
	return map[string]any{"title": text(c, "title", in.Title, 300, true), "due": due, "assignee": in.Assignee, "assignee_name": in.Name}
}

// AddTask adds a task; its due moment is a clock of its own.
func (s *Service) AddTask(ctx context.Context, who ident.Actor, ref string, in TaskInput) (Done, error) {
	return s.change(ctx, who, ref, 0, "task.add", func(a *act) error {
		var c fault.Collector
		cols := in.columns(&c)
		if err := c.Err("task"); err != nil {
			return err
		}
		if in.Assignee != 0 {
			if err := onTeam(a, in.Assignee); err != nil {
				return err
			}
		}
		cols["case_id"], cols["done"], cols["done_by"], cols["created"] = a.c.ID, 0, "", a.now
		a.label = in.Title
		_, err := a.add("incident_task", cols)
		return err
	})
}

// EditTask changes a task of the case.
func (s *Service) EditTask(ctx context.Context, who ident.Actor, ref string, task int64, in TaskInput) (Done, error) {
	return s.part(ctx, who, ref, "task.edit", "incident_task", task, func(a *act) error {
		var c fault.Collector
		cols := in.columns(&c)
		if err := c.Err("task"); err != nil {
			return err
		}
		if in.Assignee != 0 {
			if err := onTeam(a, in.Assignee); err != nil {
				return err
			}
		}
		return a.set("incident_task", task, cols)
	})
}

// DoTask ticks a task off, or puts it back.
func (s *Service) DoTask(ctx context.Context, who ident.Actor, ref string, task int64, done bool) (Done, error) {
	verb, cols := "task.again", map[string]any{"done": 0, "done_by": ""}
	if done {
		verb = "task.done"
	}
	return s.part(ctx, who, ref, verb, "incident_task", task, func(a *act) error {
		if done {
			cols["done"], cols["done_by"] = a.now, nameOf(a.who)
		}
		return a.set("incident_task", task, cols)
	})
}

// DropTask takes a task out; the history keeps it.
func (s *Service) DropTask(ctx context.Context, who ident.Actor, ref string, task int64) (Done, error) {
	return s.drop(ctx, who, ref, "task.drop", "incident_task", task)
}

// part changes one child row, after checking that it is the case's.
func (s *Service) part(ctx context.Context, who ident.Actor, ref, verb, table string, id int64, fn func(a *act) error) (Done, error) {
	return s.change(ctx, who, ref, 0, verb, func(a *act) error {
		if err := a.child(table, id); err != nil {
			return err
		}
		return fn(a)
	})
}

func (s *Service) drop(ctx context.Context, who ident.Actor, ref, verb, table string, id int64) (Done, error) {
	return s.part(ctx, who, ref, verb, table, id, func(a *act) error { return a.remove(table, id) })
}

// Entry is a line of the timeline. Happened is when it was so, with the zone that
// the person meant; Recorded is when it was written down.
type Entry struct {
	ID        int64
	Kind      string
	Happened  int64
	Zone      string
	Recorded  int64
	Body      string
	Source    string
	Technique string
	Author    string
}

// EntryKinds are the kinds of a line.
var EntryKinds = []string{"note", "attack", "done", "sent", "received"}

// EntryInput is what somebody types of a line.
type EntryInput struct {
	Kind      string
	Happened  time.Time // zero = now
	Zone      string    // as the person gave it: Europe/Belgrade, UTC, +02:00
	Body      string
	Source    string
	Technique string // ATT&CK, T1136.001
}

func (in EntryInput) columns(c *fault.Collector, now int64) map[string]any {
	if in.Kind == "" {
		in.Kind = "note"
	}
	c.Require(slices.Contains(EntryKinds, in.Kind), "kind", "incident.fault.code")
	at := now
	if !in.Happened.IsZero() {
		at = clock.Micros(in.Happened)
		c.Require(in.Happened.Year() > 1990 && at <= now+(24*time.Hour).Microseconds(), "happened", "incident.fault.moment")
	}
	if in.Zone == "" {
		in.Zone = "Europe/Belgrade"
	}
	tech := strings.ToUpper(text(c, "technique", in.Technique, 20, false))
	return map[string]any{"kind": in.Kind, "happened": at, "zone": text(c, "zone", in.Zone, 60, true), "body": text(c, "body", in.Body, 4000, true),
		"source": text(c, "source", in.Source, 300, false), "technique": tech}
}

// AddEntry writes a line of the timeline.
func (s *Service) AddEntry(ctx context.Context, who ident.Actor, ref string, in EntryInput) (Done, error) {
	return s.change(ctx, who, ref, 0, "entry.add", func(a *act) error {
		var c fault.Collector
		cols := in.columns(&c, a.now)
		if err := c.Err("entry"); err != nil {
			return err
		}
		cols["case_id"], cols["recorded"], cols["author"] = a.c.ID, a.now, nameOf(a.who)
		_, err := a.add("incident_entry", cols)
		return err
	})
}

// EditEntry corrects a line; when it was recorded stays.
func (s *Service) EditEntry(ctx context.Context, who ident.Actor, ref string, entry int64, in EntryInput) (Done, error) {
	return s.part(ctx, who, ref, "entry.edit", "incident_entry", entry, func(a *act) error {
		var c fault.Collector
		cols := in.columns(&c, a.now)
		if err := c.Err("entry"); err != nil {
			return err
		}
		return a.set("incident_entry", entry, cols)
	})
}

// DropEntry takes a line out; the history keeps it.
func (s *Service) DropEntry(ctx context.Context, who ident.Actor, ref string, entry int64) (Done, error) {
	return s.drop(ctx, who, ref, "entry.drop", "incident_entry", entry)
}

// Note is an internal note; its earlier revisions stay (Revisions).
type Note struct {
	ID       int64
	Body     string
	Person   int64
	Author   string
	At       int64
	Edited   int64
	Revision int64
}

// AddNote writes an internal note.
func (s *Service) AddNote(ctx context.Context, who ident.Actor, ref, body string) (Done, error) {
	return s.change(ctx, who, ref, 0, "note.add", func(a *act) error {
		var c fault.Collector
		body = text(&c, "body", body, 20_000, true)
		if err := c.Err("note"); err != nil {
			return err
		}
		_, err := a.add("incident_note", map[string]any{"case_id": a.c.ID, "body": body, "person": a.who.Person, "author": nameOf(a.who), "at": a.now, "edited": 0, "revision": 1})
		return err
	})
}

// EditNote writes the next revision of a note.
func (s *Service) EditNote(ctx context.Context, who ident.Actor, ref string, note, revision int64, body string) (Done, error) {
	return s.part(ctx, who, ref, "note.edit", "incident_note", note, func(a *act) error {
		var c fault.Collector
		body = text(&c, "body", body, 20_000, true)
		if err := c.Err("note"); err != nil {
			return err
		}
		row, err := readRow(ctx, a.tx, "incident_note", note, []string{"revision"})
		if err != nil {
			return err
		}
		is := row["revision"].(int64)
		if revision != 0 && revision != is {
			return quicker(ctx, a.tx, a.c, a.c.Version-1)
		}
		return a.set("incident_note", note, map[string]any{"body": body, "edited": a.now, "revision": is + 1})
	})
}

// DropNote takes a note out; the history keeps it.
func (s *Service) DropNote(ctx context.Context, who ident.Actor, ref string, note int64) (Done, error) {
	return s.drop(ctx, who, ref, "note.drop", "incident_note", note)
}

// Measure is a countermeasure with a life of its own: requested, active, removed.
type Measure struct {
	ID        int64
	What      string
	Who       string // who is to do it
	State     string
	Requested int64
	Active    int64
	Removed   int64
}

// AskMeasure requests a countermeasure of somebody.
func (s *Service) AskMeasure(ctx context.Context, who ident.Actor, ref, what, of string) (Done, error) {
	return s.change(ctx, who, ref, 0, "measure.ask", func(a *act) error {
		var c fault.Collector
		what, of = text(&c, "what", what, 300, true), text(&c, "who", of, 200, false)
		if err := c.Err("measure"); err != nil {
			return err
		}
		a.label = what
		_, err := a.add("incident_measure", map[string]any{"case_id": a.c.ID, "what": what, "who": of, "state": Requested, "requested": a.now, "active": 0, "removed": 0})
		return err
	})
}

// MoveMeasure moves a countermeasure on. Faults: Conflict for a move its life does not know.
func (s *Service) MoveMeasure(ctx context.Context, who ident.Actor, ref string, measure int64, to string) (Done, error) {
	return s.part(ctx, who, ref, "measure.move", "incident_measure", measure, func(a *act) error {
		row, err := readRow(ctx, a.tx, "incident_measure", measure, []string{"state"})
		if err != nil {
			return err
		}
		is := row["state"].(string)
		if !slices.Contains(measureMoves[is], to) {
			return fault.New(fault.Conflict, "a measure does not move from %s to %s", is, to).WithKey("incident.fault.move")
		}
		a.label = to
		return a.set("incident_measure", measure, map[string]any{"state": to, to: a.now})
	})
}

// Kinds of link.
const (
	LinkCase     = "case"
	LinkReport   = "report"
	LinkEvent    = "event"
	LinkAdvisory = "advisory"
	LinkCVE      = "cve"

	LinkHandedTo   = "handed-to"   // another CERT's case, made from this one
	LinkHandedFrom = "handed-from" // the case of another CERT that this one was made from
)

var linkKinds = []string{LinkCase, LinkReport, LinkEvent, LinkAdvisory, LinkCVE}

// Link joins the case to something else. Ref is the other room's id (0 where the
// label is the thing: a CVE), Label its number or name.
type Link struct {
	ID       int64
	Kind     string
	Ref      int64
	Label    string
	Relation string
	At       int64
	Author   string
	Back     bool // the other case made it
}

func linkRow(id int64, kind string, ref int64, label, relation string, at int64, author string) map[string]any {
	return map[string]any{"case_id": id, "kind": kind, "ref": ref, "label": label, "relation": relation, "at": at, "author": author}
}
