// Package clock is the one source of time and randomness.
//
// The wired clock is the system's; tests and the demo country inject a moved
// one, so that deadlines, ids and codes follow from a seed and a date. Nothing
// else in the house calls time.Now or crypto/rand directly for a decision.
package clock

import (
	"crypto/rand"
	"io"
	mrand "math/rand/v2"
	"sync"
	"time"
)

// Clock tells the time (UTC) and gives random bytes. Safe for concurrent use.
type Clock interface {
	Now() time.Time
	io.Reader // random bytes; never fails, never short
}

type system struct{}

func (system) Now() time.Time             { return time.Now().UTC() }
func (system) Read(p []byte) (int, error) { return rand.Read(p) }

// System is the machine's clock with cryptographic randomness.
func System() Clock { return system{} }

// IsSystem tells whether c is the wired system clock; store then lets the
// database's own clock decide on PostgreSQL.
func IsSystem(c Clock) bool { _, ok := c.(system); return ok }

// Moved is a clock that stands still until it is set: for tests and the demo.
// Its random bytes follow from the seed and are therefore no secret.
type Moved struct {
	mu  sync.Mutex
	now time.Time
	rng *mrand.ChaCha8
}

// NewMoved starts a moved clock at t with randomness from seed.
func NewMoved(t time.Time, seed uint64) *Moved {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return &Moved{now: t.UTC(), rng: mrand.NewChaCha8(key)}
}

// Now gives the set time and steps on by a microsecond, so that what happened
// later is later.
func (m *Moved) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(time.Microsecond)
	return m.now
}

// Read gives the next bytes of the seeded sequence.
func (m *Moved) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rng.Read(p)
}

// Set moves the clock to t, backwards too.
func (m *Moved) Set(t time.Time) { m.mu.Lock(); m.now = t.UTC(); m.mu.Unlock() }

// Add moves the clock on by d.
func (m *Moved) Add(d time.Duration) { m.mu.Lock(); m.now = m.now.Add(d); m.mu.Unlock() }

// Micros gives t as microseconds since 1970, the form in which instants are stored.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the inverse of Micros, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
