package intake

import (
	"context"
	"sort"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Signal is how much of one kind of report came in: the last day beside what a day
// of the week before brought on average.
type Signal struct {
	What   string    // the choice on the form's first page
	Last   [12]int64 // the last 24 hours by two, the newest last
	Now    int64     // their sum
	Before int64     // in the seven days before
}

// Usual is reports a day in the seven days before.
func (x Signal) Usual() float64 { return float64(x.Before) / signalBase }

const (
	signalStep = 2 * time.Hour
	signalDay  = 24 * time.Hour
	signalBase = 7
)

// Signals tells which kinds of report came in more or less than usual, the busiest
// first. Only reports that the caller may see are counted. Needs intake.read.
func (s *Service) Signals(ctx context.Context, who ident.Actor) (out []Signal, err error) {
	if err := access.Check(who, "intake.read"); err != nil {
		return nil, err
	}
	var rows []signalRow
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		rows, err = signalRows(ctx, tx, who, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return gather(rows), nil
}

// signalRow is the number of reports of a kind that came Ago steps before now.
type signalRow struct {
	what   string
	ago, n int64
}

func gather(rows []signalRow) []Signal {
	byWhat, steps := map[string]*Signal{}, int64(signalDay/signalStep)
	for _, r := range rows {
		x := byWhat[r.what]
		if x == nil {
			x = &Signal{What: r.what}
			byWhat[r.what] = x
		}
		if r.ago < steps {
			x.Last[steps-1-r.ago] += r.n
			x.Now += r.n
			continue
		}
		x.Before += r.n
	}
	out := make([]Signal, 0, len(byWhat))
	for _, x := range byWhat {
		out = append(out, *x)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Now != b.Now {
			return a.Now > b.Now
		}
		if a.Before != b.Before {
			return a.Before > b.Before
		}
		return a.What < b.What
	})
	return out
}
