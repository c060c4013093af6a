package incident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// change is what an act did to one row: Before nil is a row that came, After nil
// one that went; else only the columns that changed. Values are texts and whole
// numbers.
type change struct {
	Table  string         `json:"t"`
	ID     int64          `json:"i"`
	Before map[string]any `json:"b,omitempty"`
	After  map[string]any `json:"a,omitempty"`
}

// act is one change of a case under way: what it does to rows is written down as
// it happens, and undone from there.
type act struct {
	ctx     context.Context
	tx      *store.Tx
	s       *Service
	who     ident.Actor
	now     int64
	c       *Case // head of the family
	label   string
	detail  map[string]any
	changes []change
	undoes  int64
	made    string // UUID of the row that came
	id      int64  // of the act, once written
}

// Done says what an act came to, for the way back.
type Done struct {
	Act    int64 // what Undo takes
	Case   Case
	Object int64  // the row that came, if one did
	UUID   string // what a party or an evidence that came is called outside
}

// change runs one act on a case: version guards against a lost race (0 = any),
// fn changes rows through a, the rest follows by itself: version, journal, words,
// clocks, audit. Faults: NotFound, Denied, Conflict naming who was quicker.
func (s *Service) change(ctx context.Context, who ident.Actor, ref string, version int64, verb string, fn func(a *act) error) (d Done, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		d, err = s.changeTx(ctx, tx, who, c, version, verb, fn)
		return err
	})
	return d, err
}

func (s *Service) changeTx(ctx context.Context, tx *store.Tx, who ident.Actor, c *Case, version int64, verb string, fn func(a *act) error) (d Done, err error) {
	if err := mayWrite(who, c, "incident.write"); err != nil {
		return d, err
	}
	if version != 0 && version != c.Version {
		return d, quicker(ctx, tx, c, version)
	}
	if version == 0 { // whoever comes second waits, and goes on from what the first one left
		if err := holdCase(ctx, tx, c.ID); err != nil {
			return d, err
		}
		now, err := caseTx(ctx, tx, who, c.ID)
		if err != nil {
			return d, err
		}
		*c = *now
	}
	a := &act{ctx: ctx, tx: tx, s: s, who: who, c: c, detail: map[string]any{}}
	if a.now, err = store.Now(ctx, tx); err != nil {
		return d, err
	}
	if err := fn(a); err != nil {
		return d, err
	}
	if len(a.changes) == 0 {
		return Done{Case: *c}, nil
	}
	if err := a.finish(verb); err != nil {
		return d, err
	}
	d.Act, d.UUID = a.id, a.made
	if len(a.changes) > 0 && a.changes[0].Before == nil {
		d.Object = a.changes[0].ID
	}
	head, err := caseByID(ctx, tx, who, c.ID)
	if err != nil {
		return d, err
	}
	d.Case = *head
	return d, nil
}

// mayWrite: the permission, and membership in the team whose case it is.
func mayWrite(who ident.Actor, c *Case, perm string) error {
	if err := access.Check(who, perm); err != nil {
		return err
	}
	if who.Kind == ident.Person && who.CERT != c.CERT {
		return fault.New(fault.Denied, "case %d belongs to another team", c.ID).WithKey("fault.denied")
	}
	return nil
}

// need asks for a further right within an act.
func (a *act) need(perm string) error { return mayWrite(a.who, a.c, perm) }

// set writes columns of a row and keeps those that changed.
func (a *act) set(table string, id int64, cols map[string]any) error {
	if len(cols) == 0 {
		return nil
	}
	before, err := readRow(a.ctx, a.tx, table, id, slices.Sorted(maps.Keys(cols)))
	if err != nil {
		return err
	}
	after := map[string]any{}
	for k, v := range cols {
		if v = plain(v); before[k] == v {
			delete(before, k)
		} else {
			after[k] = v
		}
	}
	if len(after) == 0 {
		return nil
	}
	if err := updateRow(a.ctx, a.tx, table, id, after); err != nil {
		return err
	}
	a.changes = append(a.changes, change{table, id, before, after})
	return nil
}

// add writes a new row and gives its id.
func (a *act) add(table string, cols map[string]any) (int64, error) {
	id := a.s.d.DB.NewID()
	for k, v := range cols {
		cols[k] = plain(v)
	}
	if err := insertRow(a.ctx, a.tx, table, id, cols); err != nil {
		return 0, err
	}
	a.changes = append(a.changes, change{Table: table, ID: id, After: cols})
	return id, nil
}

// remove takes a row out; the journal keeps it.
func (a *act) remove(table string, id int64) error {
	before, err := readRow(a.ctx, a.tx, table, id, columns[table])
	if err != nil {
		return err
	}
	if err := deleteRow(a.ctx, a.tx, table, id); err != nil {
		return err
	}
	a.changes = append(a.changes, change{Table: table, ID: id, Before: before})
	return nil
}

// child checks that a row belongs to this case or to one merged into it: the
// object that is changed is the object that is authorised.
func (a *act) child(table string, id int64) error {
	ok, err := belongs(a.ctx, a.tx, table, id, a.c.ID)
	if err == nil && !ok && !fault.Planted("parent-skipped") {
		err = missing(strings.TrimPrefix(table, "incident_"))
	}
	return err
}

// fields names the columns that an act changed, for history and audit.
func (a *act) fields() []string {
	var out []string
	for _, ch := range a.changes {
		names := maps.Keys(ch.After)
		if ch.After == nil {
			names = maps.Keys(ch.Before)
		}
		room := strings.TrimPrefix(ch.Table, "incident_")
		switch {
		case ch.Before == nil:
			out = append(out, "+"+room)
		case ch.After == nil:
			out = append(out, "-"+room)
		default:
			for n := range names {
				if room != "case" {
					n = room + "." + n
				}
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// finish writes what every act writes.
func (a *act) finish(verb string) error {
	n, err := a.tx.Exec(a.ctx, bumpCase, a.c.ID, a.c.Version, a.now)
	if err != nil {
		return err
	}
	if n == 0 {
		return quicker(a.ctx, a.tx, a.c, a.c.Version)
	}
	if err := a.follow(); err != nil {
		return err
	}
	a.id = a.s.d.DB.NewID()
	changes, err := json.Marshal(a.changes)
	if err != nil {
		return err
	}
	fields := a.fields()
	if _, err := a.tx.Exec(a.ctx, insertAct, a.id, a.c.ID, a.now, a.who.Person, nameOf(a.who), verb, a.label, strings.Join(fields, " "),
		string(changes), a.c.Version+1, a.undoes); err != nil {
		return err
	}
	a.detail["fields"] = fields
	return a.s.d.Audit.Record(a.ctx, a.tx, a.who, "case."+verb, thing(a.c), a.detail)
}

// quicker tells a lost race: who changed what since the version that was seen.
func quicker(ctx context.Context, tx *store.Tx, c *Case, version int64) error {
	f := fault.New(fault.Conflict, "case %d was changed meanwhile", c.ID).WithKey("incident.fault.stale")
	acts, err := store.All(ctx, tx, scanAct, actsSince, c.ID, version)
	if err != nil || len(acts) == 0 {
		return errors.Join(f, err)
	}
	last := acts[0]
	var fields []string
	for _, x := range acts {
		fields = append(fields, strings.Fields(x.Fields)...)
	}
	slices.Sort(fields)
	f.Detail += fmt.Sprintf(" by %d acts: %s", len(acts), strings.Join(slices.Compact(fields), " "))
	return f.WithKey("incident.fault.quicker", "who", last.Author)
}

// Act is one line of a case's history.
type Act struct {
	ID      int64
	At      int64
	Author  string
	Program bool   // nobody's act: Author is the part of Straža that did it
	Verb    string // message key incident.act.<verb>
	Label   string // of what it was done to: a name or number
	Fields  string
	Undoes  int64
	Undone  bool
	CanUndo bool

	caseID, undoneBy int64
	changes          string
}

// undoFor is how long merges and splits can be taken back (decisions §9).
const undoFor = 30 * 24 * time.Hour

// never are the acts whose effect has left the house or must stay: letters,
// evidence, opening.
var never = []string{"open", "write", "evidence", "share", "answer", "answered", "withdraw"}

// noChanges is what an erased act has kept.
const noChanges = "[]"

func (x Act) undoable(now int64) bool {
	if x.undoneBy != 0 || x.changes == noChanges || slices.Contains(never, x.Verb) {
		return false
	}
	if x.Verb == "merge" || x.Verb == "split" {
		return now-x.At <= undoFor.Microseconds()
	}
	return true
}

// Undo takes an act back as an inverse act; undoing that does it again. Tags,
// assignment, state, links, parts: any time; merges and splits: 30 days. Faults:
// Conflict when it can no longer be undone, or when a later act stands on it.
func (s *Service) Undo(ctx context.Context, who ident.Actor, ref string, id int64) (Done, error) {
	return s.change(ctx, who, ref, 0, "undo", func(a *act) error {
		x, found, err := store.First(ctx, a.tx, scanAct, oneAct, id)
		if err != nil {
			return err
		}
		home, err := store.Int64(ctx, a.tx, caseOfID, x.caseID)
		if err != nil {
			return err
		}
		if !found || home != a.c.ID {
			return missing("act")
		}
		if !x.undoable(a.now) {
			return fault.New(fault.Conflict, "act %d cannot be undone", id).WithKey("incident.fault.undo")
		}
		if x.Verb == "merge" || x.Verb == "split" {
			if err := a.need("incident.merge"); err != nil {
				return err
			}
		}
		a.undoes, a.label = x.ID, x.Verb
		switch {
		case x.Verb == actHand:
			if err := a.withdrawHanded(x.changes); err != nil {
				return err
			}
		case x.Verb == "undo" && x.Label == actHand: // what was withdrawn is handed over anew
			return fault.New(fault.Conflict, "act %d cannot be undone", id).WithKey("incident.fault.undo")
		}
		if err := a.invert(x.changes); err != nil {
			return err
		}
		// Undoing an undo brings the first act back to life.
		if _, err := a.tx.Exec(ctx, unundo, x.Undoes); err != nil {
			return err
		}
		_, err = a.tx.Exec(ctx, markUndone, x.ID, a.now)
		return err
	})
}

// invert applies the inverse of changes, last first. A row that looks different
// from what the act left is another's work by now.
func (a *act) invert(text string) error {
	var list []change
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, ch := range slices.Backward(list) {
		ch.Before, ch.After = numbers(ch.Before), numbers(ch.After)
		if err := a.invertOne(ch); err != nil {
			return err
		}
	}
	return nil
}

func (a *act) invertOne(ch change) error {
	stands := fault.New(fault.Conflict, "a later act stands on this one").WithKey("incident.fault.undolater")
	if ch.After == nil { // it was removed: bring it back
		if ch.Table == "incident_party" && ch.Before["uuid"] == nil { // removed before parties had one
			ch.Before["uuid"] = a.s.d.DB.NewUUID()
		}
		if err := insertRow(a.ctx, a.tx, ch.Table, ch.ID, ch.Before); err != nil {
			if store.IsUnique(err) {
				return stands.Because(err)
			}
			return err
		}
		a.changes = append(a.changes, change{Table: ch.Table, ID: ch.ID, After: ch.Before})
		return nil
	}
	now, err := readRow(a.ctx, a.tx, ch.Table, ch.ID, slices.Sorted(maps.Keys(ch.After)))
	if fault.Is(err, fault.NotFound) {
		return stands.Because(err)
	}
	if err != nil {
		return err
	}
	if !maps.Equal(now, ch.After) {
		return stands
	}
	if ch.Before == nil {
		return a.remove(ch.Table, ch.ID)
	}
	return a.set(ch.Table, ch.ID, ch.Before)
}

// handedIn finds the case that a hand-over made in what the act wrote.
func handedIn(text string) (id int64, err error) {
	var list []change
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	for _, ch := range list {
		if ch.Table == "incident_link" && ch.After["kind"] == LinkHandedTo {
			id, _ = numbers(ch.After)["ref"].(int64)
		}
	}
	if id == 0 {
		err = missing("case")
	}
	return id, err
}

// plain brings a value into one of the two forms that the journal knows.
func plain(v any) any {
	switch v := v.(type) {
	case string, int64:
		return v
	case int:
		return int64(v)
	case State:
		return string(v)
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

func numbers(m map[string]any) map[string]any {
	for k, v := range m {
		if n, ok := v.(json.Number); ok {
			m[k], _ = n.Int64()
		}
	}
	return m
}

// History lists the acts on a case, newest first, with what can be undone.
func (s *Service) History(ctx context.Context, who ident.Actor, ref string, before int64) (out []Act, err error) {
	err = s.view(ctx, who, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		out, err = historyTx(ctx, tx, c, before)
		return err
	})
	if who.Kind == ident.Operator {
		for i := range out {
			out[i].Label, out[i].Author, out[i].changes = "", "", ""
		}
	}
	return out, err
}

func historyTx(ctx context.Context, tx *store.Tx, c *Case, before int64) ([]Act, error) {
	if before == 0 {
		before = 1 << 62
	}
	out, err := store.All(ctx, tx, scanAct, actsOf, c.ID, before)
	if err != nil {
		return nil, err
	}
	now, err := store.Now(ctx, tx)
	for i := range out {
		out[i].CanUndo = out[i].undoable(now)
	}
	return out, err
}

// Revision is one state of a text that was changed.
type Revision struct {
	At     int64
	Author string
	Text   string
}

// Revisions gives the earlier states of the summary (note 0) or of a note, newest
// first.
func (s *Service) Revisions(ctx context.Context, who ident.Actor, ref string, note int64) ([]Revision, error) {
	table, col := "incident_case", "summary"
	if note != 0 {
		table, col = "incident_note", "body"
	}
	return s.revisions(ctx, who, ref, table, note, col)
}

// PartRevisions gives the earlier texts of a task, entry or note (kind) of the case,
// newest first.
func (s *Service) PartRevisions(ctx context.Context, who ident.Actor, ref, kind string, id int64) ([]Revision, error) {
	col, ok := map[string]string{"task": "title", "entry": "body", "note": "body"}[kind]
	if !ok {
		return nil, missing("part")
	}
	return s.revisions(ctx, who, ref, "incident_"+kind, id, col)
}

func (s *Service) revisions(ctx context.Context, who ident.Actor, ref, table string, id int64, col string) (out []Revision, err error) {
	if who.Kind == ident.Operator {
		return nil, missing("case")
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if table == "incident_case" {
			id = c.ID
		}
		acts, err := store.All(ctx, tx, scanAct, actsOf, c.ID, int64(1)<<62)
		if err != nil {
			return err
		}
		for _, x := range acts {
			var list []change
			if err := json.Unmarshal([]byte(x.changes), &list); err != nil {
				return err
			}
			for _, ch := range list {
				if was, ok := ch.Before[col].(string); ok && ch.Table == table && ch.ID == id {
					out = append(out, Revision{x.At, x.Author, was})
				}
			}
		}
		return nil
	})
	return out, err
}
