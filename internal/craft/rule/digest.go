package rule

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// How much of a flood reaches a letterbox (spec reliability §2.3 row 30): so many
// letters of a rule in an hour come one by one; what follows waits until it is quiet
// again, an hour at most, and comes as one letter about all rules, of so many lines each.
const (
	singly    = 3
	quiet     = hour / 6
	mostLines = 100
)

// tellTx writes to one person about one subject that they have just been found to see,
// or lets it wait for the letter that gathers what comes too thick.
func (s *Service) tellTx(ctx context.Context, tx *store.Tx, to ident.Actor, r *Rule, x *Subject) error {
	if err := holdRule(ctx, tx, r.ID); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	n, err := store.Int64(ctx, tx, toldLately, r.ID, to.Person, now-hour)
	if err != nil {
		return err
	}
	sent := now
	if n >= singly {
		sent = 0
	}
	if _, err := tx.Exec(ctx, insertLine, s.d.DB.NewID(), r.ID, to.Person, x.ID, now, sent); err != nil || sent == 0 {
		return err
	}
	return s.letterTx(ctx, tx, to, []found{{rule: *r, list: []*Subject{x}}})
}

// boundary is the last moment of sending before now: 07:00 in the legal zone, of a
// Monday for the weekly letter.
func boundary(now time.Time, when string) int64 {
	now = now.In(i18n.Belgrade)
	b := time.Date(now.Year(), now.Month(), now.Day(), 7, 0, 0, 0, i18n.Belgrade)
	for b.After(now) || when == Weekly && b.Weekday() != time.Monday {
		b = time.Date(b.Year(), b.Month(), b.Day()-1, 7, 0, 0, 0, i18n.Belgrade)
	}
	return b.UnixMicro()
}

// span is one person's lines that wait: the oldest and the newest.
type span struct{ person, first, last int64 }

func scanSpan(s store.Scanner) (x span, err error) {
	err = s.Scan(&x.person, &x.first, &x.last)
	return
}

func scanPair(s store.Scanner) (x [2]int64, err error) {
	err = s.Scan(&x[0], &x[1])
	return
}

// digest writes the letters whose hour has come, one a person: the daily and weekly ones
// and what came too thick to be told one by one. It forgets old runs and lines.
func (s *Service) digest(ctx context.Context, _ *jobs.Task) error {
	people := map[int64]*batch{}
	at := func(person, now int64) *batch {
		if people[person] == nil {
			people[person] = &batch{s: s, person: person, now: clock.FromMicros(now)}
		}
		return people[person]
	}
	err := s.d.DB.Update(ctx, func(tx *store.Tx) error {
		clear(people)
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		ids, err := store.All(ctx, tx, store.ScanInt64, gathering)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, found, err := store.First(ctx, tx, scanRule, ruleByID, id)
			if err != nil {
				return err
			}
			if found {
				b := at(r.Person, now)
				b.rules = append(b.rules, r)
			}
		}
		spans, err := store.All(ctx, tx, scanSpan, crowds)
		if err != nil {
			return err
		}
		for _, x := range spans {
			if x.last < now-quiet || x.first < now-hour {
				at(x.person, now).lines = true
			}
		}
		if _, err := tx.Exec(ctx, oldLines, now-hour); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, oldRuns, now-365*24*hour)
		return err
	}, store.InLane(store.Jobs))
	if err != nil {
		return err
	}
	var errs error
	for _, person := range slices.Sorted(maps.Keys(people)) {
		errs = errors.Join(errs, people[person].write(ctx))
	}
	return errs
}

// batch is one person's letter in the making.
type batch struct {
	s      *Service
	person int64
	now    time.Time
	rules  []Rule // with runs that may be due
	lines  bool   // some are due

	about []found
	seen  map[[2]int64]bool // by rule and subject
	held  [][]Run           // that the letter's own transaction moves on, as rules
	until int64             // the last line that the letter took in
	taken int64             // how many lines that were
}

// write sends the letter, and moves on what it is about in the same transaction; runs
// that it did not come to any more follow in parts.
func (b *batch) write(ctx context.Context) error {
	who, err := b.s.d.People.Resolve(ctx, b.person, ident.Job)
	there := !account.IsUnauthenticated(err)
	if there && err != nil {
		return err
	}
	b.seen, b.held = map[[2]int64]bool{}, make([][]Run, len(b.rules))
	for i := range b.rules {
		if err := b.readRuns(ctx, i, there); err != nil {
			return err
		}
	}
	if b.lines {
		if err := b.readLines(ctx, there); err != nil {
			return err
		}
	}
	if err := b.s.d.DB.Update(ctx, func(tx *store.Tx) error {
		for i, runs := range b.held {
			if err := b.moveTx(ctx, tx, &b.rules[i], runs); err != nil {
				return err
			}
		}
		if b.until > 0 {
			n, err := tx.Exec(ctx, sendLines, b.person, b.until, b.now.UnixMicro())
			if err != nil {
				return err
			}
			if n != b.taken { // another worker's letter has some of them
				return fault.New(fault.Conflict, "lines of person %d have moved on", b.person).WithKey("fault.conflict")
			}
		}
		return b.s.letterTx(ctx, tx, who, b.about)
	}, store.InLane(store.Jobs)); err != nil {
		return err
	}
	for i, runs := range b.held {
		if len(runs) > 0 {
			if err := b.rest(ctx, &b.rules[i], runs[len(runs)-1].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveTx takes runs past the act that waited for the letter.
func (b *batch) moveTx(ctx context.Context, tx *store.Tx, r *Rule, runs []Run) error {
	for i := range runs {
		if err := b.s.stepTx(ctx, tx, &runs[i], r, Working, &Said{}); err != nil {
			return err
		}
		if runs[i].Step+1 < len(runs[i].Acts) {
			if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobAct, Payload: order{runs[i].ID}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// part reads the next due runs of a rule behind that one; past tells that there are none.
func (b *batch) part(ctx context.Context, r *Rule, after int64) (due []Run, last int64, err error) {
	var runs []Run
	err = b.s.d.DB.View(ctx, func(tx *store.Tx) error {
		runs, err = store.All(ctx, tx, scanRun, gathered, r.ID, after, boundary(b.now, Daily))
		return err
	})
	for _, x := range runs {
		if last = x.ID; x.Step < len(x.Acts) && x.At < boundary(b.now, x.Acts[x.Step].With["when"]) {
			due = append(due, x)
		}
	}
	return due, last, err
}

// readRuns takes the due runs of a rule into the letter until it is full.
func (b *batch) readRuns(ctx context.Context, i int, there bool) error {
	for after := int64(0); ; {
		due, last, err := b.part(ctx, &b.rules[i], after)
		if err != nil || last == 0 {
			return err
		}
		b.held[i], after = append(b.held[i], due...), last
		for k := range due {
			if there {
				if err := b.take(ctx, &b.rules[i], due[k].Subject); err != nil {
					return err
				}
			}
		}
		if n := len(b.about); n > 0 && b.about[n-1].rule.ID == b.rules[i].ID && b.about[n-1].more {
			return nil
		}
	}
}

func (b *batch) rest(ctx context.Context, r *Rule, after int64) error {
	for {
		due, last, err := b.part(ctx, r, after)
		if err != nil || last == 0 {
			return err
		}
		if err := b.s.d.DB.Update(ctx, func(tx *store.Tx) error { return b.moveTx(ctx, tx, r, due) }, store.InLane(store.Jobs)); err != nil {
			return err
		}
		after = last
	}
}

// readLines takes what came too thick into the letter.
func (b *batch) readLines(ctx context.Context, there bool) error {
	var pairs [][2]int64
	rules := map[int64]Rule{}
	err := b.s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
		if b.until, err = store.Int64(ctx, tx, lastLine, b.person); err != nil {
			return err
		}
		if pairs, err = store.All(ctx, tx, scanPair, crowd, b.person, b.until); err != nil {
			return err
		}
		b.taken = int64(len(pairs))
		for _, p := range pairs {
			if _, known := rules[p[0]]; !known {
				if rules[p[0]], _, err = store.First(ctx, tx, scanRule, ruleByID, p[0]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, p := range pairs {
		if err != nil || !there {
			break
		}
		r := rules[p[0]]
		err = b.take(ctx, &r, p[1])
	}
	return err
}

// take writes a subject into the letter, once, if the person may still see it.
func (b *batch) take(ctx context.Context, r *Rule, subject int64) error {
	t, key := b.s.trigger(r.Trigger), [2]int64{r.ID, subject}
	if t == nil || r.Gone > 0 || b.seen[key] {
		return nil
	}
	i := slices.IndexFunc(b.about, func(f found) bool { return f.rule.ID == r.ID })
	if i >= 0 && b.about[i].more {
		return nil
	}
	x, err := b.s.load(ctx, b.person, t, subject)
	if err != nil || x == nil {
		return err
	}
	if b.seen[key] = true; i < 0 {
		i, b.about = len(b.about), append(b.about, found{rule: *r})
	}
	if len(b.about[i].list) == mostLines {
		b.about[i].more = true
		return nil
	}
	b.about[i].list = append(b.about[i].list, x)
	return nil
}
