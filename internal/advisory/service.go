package advisory

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// inForceFor is how long a warning stays on the home page unless it says otherwise.
const inForceFor = 30 * 24 * time.Hour

// Deps are what the room stands on.
type Deps struct {
	DB    *store.DB
	Audit *audit.Log
}

// Service is the room's door.
type Service struct{ d Deps }

// New makes the Service.
func New(d Deps) *Service { return &Service{d} }

// PublishedEvent is published when a warning goes out or is corrected.
type PublishedEvent struct {
	Advisory int64 `json:"advisory"`
}

// EventType names the event.
func (PublishedEvent) EventType() string { return "advisory.published" }

// Filter narrows a list; zero fields do not. The keyset is (Key, ID) of the last row
// seen: see Advisory.Key.
type Filter struct {
	State, Level, Text      string // Text: a part of the text, or a number as people say it
	UpdatedSince            int64
	UpdatedBefore, IDBefore int64
	Oldest                  bool   // first changed first: for who follows changes
	Sort                    string // one of Sorts, a minus turns it round; "" = -updated, or what Oldest says
	Limit                   int    // 1 to 200, 0 = 50

	said []string // numbers that Text may mean
}

// Sorts are the orders there are, without the minus. Nothing of an edition that is not
// published orders a list that others read.
var Sorts = []string{"updated", "state"}

func (f Filter) order() string {
	switch {
	case f.Sort != "":
		return f.Sort
	case f.Oldest:
		return "updated"
	}
	return "-updated"
}

// Key is an advisory's place under an order, for the next page.
func (a Advisory) Key(sort string) int64 {
	if strings.TrimPrefix(sort, "-") == "state" {
		return stateRank[a.State]
	}
	return a.Updated
}

// stateRank says in Go what stateOrder says in SQL.
var stateRank = map[string]int64{Draft: 1, Published: 2, Withdrawn: 3}

const (
	pageSize = 50
	pageMost = 200
)

// InForce lists the published warnings that still hold, newest first, at most 20:
// what is dangerous today. Anybody may call; who sees which is their audience.
func (s *Service) InForce(ctx context.Context, who ident.Actor) (out []Advisory, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		now := clock.Micros(s.d.DB.Clock.Now())
		out, err = store.All(ctx, tx, scan, inForce(who), now, inForceFor.Microseconds())
		for i := range out {
			if err == nil {
				out[i], err = out[i].as(who)
			}
		}
		return err
	})
	return out, err
}

// List gives a page of warnings in the order of Sort; more tells whether others
// follow. Text and level are tested on what the caller reads, never on an edition
// that is not published yet. Faults: Invalid on "sort".
func (s *Service) List(ctx context.Context, who ident.Actor, f Filter) (out []Advisory, more bool, err error) {
	if f.Limit < 1 {
		f.Limit = pageSize
	}
	f.Limit = min(f.Limit, pageMost)
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		return walk(ctx, tx, who, f, func(a Advisory) bool { out = append(out, a); return len(out) <= f.Limit })
	})
	if len(out) > f.Limit {
		out, more = out[:f.Limit], true
	}
	return out, more, err
}

// walk gives all that a filter finds, from its keyset on, until yield has enough.
func walk(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, yield func(Advisory) bool) error {
	sort := f.order()
	if !slices.Contains(Sorts, strings.TrimPrefix(sort, "-")) {
		return fault.Field("sort", "web.error.choice", "warnings sort by %s", strings.Join(Sorts, ", "))
	}
	var err error
	if f.said, err = store.NumbersTx(ctx, tx, "UP", strings.TrimSpace(i18n.Fold(f.Text))); err != nil {
		return err
	}
	if f.UpdatedBefore == 0 && f.IDBefore == 0 && strings.HasPrefix(sort, "-") {
		f.UpdatedBefore, f.IDBefore = math.MaxInt64, math.MaxInt64
	}
	for {
		text, args := listing(who, f)
		rows, err := store.All(ctx, tx, scan, text, args...)
		if err != nil {
			return err
		}
		for _, raw := range rows {
			a, err := raw.as(who)
			if err != nil {
				return err
			}
			if f.passes(a) && !yield(a) {
				return nil
			}
		}
		if len(rows) <= f.Limit {
			return nil
		}
		last := rows[len(rows)-1]
		f.UpdatedBefore, f.IDBefore = last.Key(sort), last.ID
	}
}

// countMost is as far as a list counts; beyond it, it says "more than".
const countMost = 1000

// Count counts what List would give; more = there are beyond countMost.
func (s *Service) Count(ctx context.Context, who ident.Actor, f Filter) (n int64, more bool, err error) {
	f.Limit, f.UpdatedBefore, f.IDBefore = pageMost, 0, 0
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		return walk(ctx, tx, who, f, func(Advisory) bool { n++; return n <= countMost })
	})
	return min(n, countMost), n > countMost, err
}

// Export gives all that a filter finds to each, after begin was told how many and under
// which label: of one snapshot. What leaves is recorded first.
func (s *Service) Export(ctx context.Context, who ident.Actor, f Filter, begin func(export.Extent) error, each func(Advisory) error) error {
	f.Limit, f.UpdatedBefore, f.IDBefore = pageMost, 0, 0
	log := func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, "advisory.export", audit.Thing{Kind: "advisory"}, nil)
	}
	return s.d.DB.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error {
		var x export.Extent
		if err := walk(ctx, tx, who, f, func(a Advisory) bool { x.Add(export.Level(a.TLP), 1); return true }); err != nil {
			return err
		}
		err := begin(x)
		if err != nil {
			return err
		}
		if werr := walk(ctx, tx, who, f, func(a Advisory) bool { err = each(a); return err == nil }); werr != nil {
			return werr
		}
		return err
	})
}

// passes tests what SQL could test only on the text that the team is writing.
func (f Filter) passes(a Advisory) bool {
	if a.Own {
		return true
	}
	d := Draftable{Title: a.Title, Lead: a.Lead, Body: a.Body}
	return (f.Level == "" || a.Level == f.Level) && (f.Text == "" || strings.Contains(folded(d), i18n.Fold(f.Text)) || slices.Contains(f.said, a.Number))
}

// Get opens a warning by number or UUID. Faults: NotFound when it is not there or not for who.
func (s *Service) Get(ctx context.Context, who ident.Actor, number string) (a Advisory, eds []Edition, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if a, err = s.getTx(ctx, tx, who, number); err != nil {
			return err
		}
		if a, err = a.as(who); err != nil {
			return err
		}
		eds, err = store.All(ctx, tx, scanEdition, listEditions, a.ID)
		return err
	})
	return a, eds, err
}

func (s *Service) getTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Advisory, error) {
	column, key := "number", strings.ToUpper(ref)
	if u, ok := store.ParseUUID(ref); ok {
		column, key = "uuid", u
	}
	a, found, err := store.First(ctx, tx, scan, byOne(who, column), key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "advisory %s", ref)
	}
	return a, err
}

// Create writes a draft of the actor's CERT. Needs advisory.write.
func (s *Service) Create(ctx context.Context, who ident.Actor, d Draftable) (number string, err error) {
	if err := access.Check(who, "advisory.write"); err != nil {
		return "", err
	}
	if err := d.validate(); err != nil {
		return "", err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if d.Once == "" {
			number, err = s.createTx(ctx, tx, who, d)
			return err
		}
		number, _, err = store.Once(ctx, tx, who.String()+"|advisory.create|"+d.Once, func() (string, error) {
			return s.createTx(ctx, tx, who, d)
		})
		return err
	})
	return number, err
}

func (s *Service) createTx(ctx context.Context, tx *store.Tx, who ident.Actor, d Draftable) (number string, err error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return "", err
	}
	audience, err := access.InternTx(ctx, tx, access.Audience{CERT: who.CERT, Owner: who.CERT, Level: access.LevelTeam})
	if err != nil {
		return "", err
	}
	series := fmt.Sprintf("UP-%d", clock.FromMicros(now).Year())
	n, err := s.d.DB.NextNumber(ctx, tx, series)
	if err != nil {
		return "", err
	}
	number = fmt.Sprintf("%s-%06d", series, n)
	id := s.d.DB.NewID()
	if _, err := tx.Exec(ctx, insertOne, id, s.d.DB.NewUUID(), number, who.CERT, audience, d.Level, d.TLP, d.Readers,
		asJSON(d.Title), asJSON(d.Lead), asJSON(d.Affects), asJSON(d.Steps), asJSON(d.Body), folded(d), now, d.Until); err != nil {
		return "", err
	}
	return number, s.d.Audit.Record(ctx, tx, who, "advisory.create", thing(id, number), nil)
}

// Edit changes a draft, or prepares the next edition of what is published (readers
// see it after Publish). Needs advisory.write. Faults: Conflict when somebody else
// changed it meanwhile.
func (s *Service) Edit(ctx context.Context, who ident.Actor, number string, version int64, d Draftable) error {
	if err := d.validate(); err != nil {
		return err
	}
	return s.change(ctx, who, number, "advisory.write", func(tx *store.Tx, a Advisory, now int64) (int64, error) {
		if a.State == Withdrawn {
			return 0, fault.New(fault.Conflict, "%s is withdrawn", number).WithKey("advisory.withdrawn.final")
		}
		n, err := tx.Exec(ctx, updateOne, a.ID, version, d.Level, d.TLP, d.Readers, asJSON(d.Title), asJSON(d.Lead), asJSON(d.Affects),
			asJSON(d.Steps), asJSON(d.Body), folded(d), now, d.Until)
		if err != nil || n == 0 {
			return n, err
		}
		return n, s.d.Audit.Record(ctx, tx, who, "advisory.edit", thing(a.ID, a.Number), nil)
	})
}

// Publish shows a warning to everyone, or its next edition with a note of what
// changed. Needs advisory.publish. Faults: Invalid when its TLP is not CLEAR.
func (s *Service) Publish(ctx context.Context, who ident.Actor, number string, version int64, note i18n.Text) error {
	return s.change(ctx, who, number, "advisory.publish", func(tx *store.Tx, a Advisory, now int64) (int64, error) {
		if a.TLP != "CLEAR" {
			return 0, fault.Field("tlp", "advisory.tlp.public", "TLP:%s does not go to the public", a.TLP)
		}
		audience, err := access.InternTx(ctx, tx, access.Audience{CERT: a.CERT, Owner: a.CERT, Level: access.LevelPublic})
		if err != nil {
			return 0, err
		}
		until := a.Until
		if until == 0 {
			until = now + inForceFor.Microseconds()
		}
		n, err := tx.Exec(ctx, publishOne, a.ID, version, audience, now, until)
		if err != nil || n == 0 {
			return n, err
		}
		snapshot, err := json.Marshal(a)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, addEdition, s.d.DB.NewID(), a.ID, now, asJSON(note), string(snapshot)); err != nil {
			return 0, err
		}
		if err := jobs.Publish(ctx, tx, PublishedEvent{a.ID}); err != nil {
			return 0, err
		}
		return n, s.d.Audit.Record(ctx, tx, who, "advisory.publish", thing(a.ID, a.Number), nil)
	})
}

// Withdraw takes a published warning back, visibly and with a reason. Needs advisory.publish.
func (s *Service) Withdraw(ctx context.Context, who ident.Actor, number string, version int64, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > 1000 {
		return fault.Field("reason", "advisory.reason.needed", "a withdrawal needs a reason")
	}
	return s.change(ctx, who, number, "advisory.publish", func(tx *store.Tx, a Advisory, now int64) (int64, error) {
		n, err := tx.Exec(ctx, withdrawOne, a.ID, version, now, reason)
		if err != nil || n == 0 {
			return n, err
		}
		return n, s.d.Audit.Record(ctx, tx, who, "advisory.withdraw", thing(a.ID, a.Number), nil)
	})
}

// change loads what is to be changed as far as who may see it, checks the
// permission and that it belongs to who's own CERT, and tells a lost race.
func (s *Service) change(ctx context.Context, who ident.Actor, number, perm string, act func(*store.Tx, Advisory, int64) (int64, error)) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := s.getTx(ctx, tx, who, number)
		if err != nil {
			return err
		}
		if err := access.Check(who, perm); err != nil {
			return err
		}
		if who.Kind == ident.Person && a.CERT != who.CERT {
			return fault.New(fault.Denied, "%s belongs to another CERT", number).WithKey("fault.denied")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		n, err := act(tx, a, now)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "%s was changed meanwhile", number).WithKey("fault.conflict")
		}
		return err
	})
}

func thing(id int64, number string) audit.Thing {
	return audit.Thing{Kind: "advisory", ID: id, Label: number}
}

// folded is what search sees: all languages, one script.
func folded(d Draftable) string {
	var b strings.Builder
	for _, t := range []i18n.Text{d.Title, d.Lead, d.Body} {
		for _, l := range []i18n.Lang{i18n.SrCyrl, i18n.En} {
			b.WriteString(i18n.Fold(t[l]))
			b.WriteByte(' ')
		}
	}
	return b.String()
}
