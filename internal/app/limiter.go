package app

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// buckets bound, in this node's memory, how often one network prefix may do what
// costs something. Guessing of secrets is bounded in the database besides.
type buckets struct {
	mu   sync.Mutex
	m    map[string]*bucket
	last time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

// perBucket: sustained rate a second and burst. Reports are generous: a rush of
// frightened people behind one address must get through.
var perBucket = map[string]struct {
	rate  rate.Limit
	burst int
}{
	"entry":  {0.5, 40},
	"report": {120, 1200},
	"code":   {5, 120}, // receipt codes hold 83 bits: this slows a hammer, not a guesser
}

// Allow tells whether subject may act once more in bucket, and if not, for how long not.
func (b *buckets) Allow(_ context.Context, name, subject string) (time.Duration, bool) {
	cfg, known := perBucket[name]
	if !known {
		cfg.rate, cfg.burst = 10, 100
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[string]*bucket{}
	}
	if now.Sub(b.last) > time.Minute { // forget who has been quiet
		b.last = now
		for k, v := range b.m {
			if now.Sub(v.used) > 10*time.Minute {
				delete(b.m, k)
			}
		}
	}
	l := b.m[name+"|"+subject]
	if l == nil {
		l = &bucket{Limiter: rate.NewLimiter(cfg.rate, cfg.burst)}
		b.m[name+"|"+subject] = l
	}
	l.used = now
	r := l.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}
