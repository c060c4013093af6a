package store

import (
	"context"
	"sync"
)

// Lane is the urgency of a write on SQLite's single writer.
type Lane int

// Lanes, most urgent first.
const (
	People Lane = iota // a person or a client waits for the answer
	Jobs               // nobody waits
	Bulk               // imports: ≤ 10,000 rows or 50 ms a transaction
)

// lanes is a mutex with three queues: unlock hands over to the most urgent.
type lanes struct {
	mu      sync.Mutex
	held    bool
	waiting [3][]chan struct{}
}

func (l *lanes) lock(ctx context.Context, lane Lane) error {
	l.mu.Lock()
	if !l.held {
		l.held = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting[lane] = append(l.waiting[lane], turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.leave(lane, turn)
		return ctx.Err()
	}
}

// leave takes a waiter out; had its turn come meanwhile, it is passed on.
func (l *lanes) leave(lane Lane, turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting[lane] {
		if w == turn {
			l.waiting[lane] = append(l.waiting[lane][:i], l.waiting[lane][i+1:]...)
			return
		}
	}
	l.passOn()
}

func (l *lanes) unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passOn()
}

func (l *lanes) passOn() {
	for i := range l.waiting {
		if q := l.waiting[i]; len(q) > 0 {
			l.waiting[i] = q[1:]
			close(q[0])
			return
		}
	}
	l.held = false
}

// Waiting counts the writes that queue in a lane, for the operator's page.
func (db *DB) Waiting(lane Lane) int {
	db.lanes.mu.Lock()
	defer db.lanes.mu.Unlock()
	return len(db.lanes.waiting[lane])
}
