package intake

import (
	"context"
	"slices"
	"sync"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Weeks is what the home page says about the host CERT's last weeks.
type Weeks struct {
	From, Until time.Time // last whole week, Monday to Sunday, in Belgrade
	Reports     int64     // received in it
	Minutes     int64     // median from receipt to a person's decision, −1 when none
	Series      [12]int64 // reports a week, the last one last
}

type weekCache struct {
	sync.Mutex
	until time.Time // good until
	weeks Weeks
}

// Weeks counts whole weeks. Anyone may ask: the numbers are public and name nobody;
// they are computed at most every five minutes.
func (s *Service) Weeks(ctx context.Context, _ ident.Actor) (Weeks, error) {
	now := s.DB.Clock.Now()
	s.week.Lock()
	defer s.week.Unlock()
	if now.Before(s.week.until) && !now.Before(s.week.weeks.Until) {
		return s.week.weeks, nil
	}
	w := Weeks{Minutes: -1}
	local := now.In(i18n.Belgrade)
	days := (int(local.Weekday()) + 6) % 7
	w.Until = time.Date(local.Year(), local.Month(), local.Day()-days, 0, 0, 0, 0, i18n.Belgrade)
	w.From = w.Until.AddDate(0, 0, -7)
	start := w.Until.AddDate(0, 0, -7*len(w.Series))
	var waits []int64
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		host, err := s.Registry.HostTx(ctx, tx)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return receivedBetween(ctx, tx, host.ID, us(start), us(w.Until), func(r weekRow) {
			week := min(int(at(r.received).Sub(start)/(7*24*time.Hour)), len(w.Series)-1)
			w.Series[week]++
			if r.received >= us(w.From) && r.triaged > 0 {
				waits = append(waits, r.triaged-r.received)
			}
		})
	})
	if err != nil {
		return w, err
	}
	w.Reports = w.Series[len(w.Series)-1]
	if len(waits) > 0 {
		slices.Sort(waits)
		w.Minutes = waits[len(waits)/2] / time.Minute.Microseconds()
	}
	s.week.until, s.week.weeks = now.Add(5*time.Minute), w
	return w, nil
}
