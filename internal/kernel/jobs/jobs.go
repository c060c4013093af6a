package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// States of a job.
const (
	Waiting     = "waiting"
	Running     = "running"
	Done        = "done"
	Quarantined = "quarantined"
)

// Job is what to do.
type Job struct {
	Kind     string    // stable name, "<room>.<verb>"
	Key      string    // unique among the waiting and running of its kind; "" = none
	Payload  any       // JSON: ids, never content that the database does not hold anyway
	RunAt    time.Time // zero = now
	Priority int       // smaller is sooner; 0 is usual
}

// Enqueue writes a job into the act's transaction. A second job with the same
// kind and key is dropped while the first one waits or runs.
func Enqueue(ctx context.Context, tx *store.Tx, j Job) error {
	payload, err := json.Marshal(j.Payload)
	if err != nil {
		return fmt.Errorf("payload of %s: %w", j.Kind, err)
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	at := now
	if !j.RunAt.IsZero() {
		at = clock.Micros(j.RunAt)
	}
	var key any
	if j.Key != "" {
		key = j.Key
	}
	err = tx.Later(ctx, insertJob, tx.DB().NewID(), j.Kind, key, j.Priority, at, string(payload), now)
	if err != nil {
		return err
	}
	tx.AfterCommit(tx.DB().Wake)
	return nil
}

// Event is something that happened in a room and that others may want to know.
type Event interface{ EventType() string } // "<room>.<past>", stable

// Publish writes an event into the act's transaction; app's table of
// subscriptions decides who hears of it.
func Publish(ctx context.Context, tx *store.Tx, e Event) error {
	return Enqueue(ctx, tx, Job{Kind: eventKind(e.EventType()), Payload: e})
}

func eventKind(t string) string { return "event:" + t }

// Def is a kind of job and what runs it.
type Def struct {
	Kind    string
	Run     func(ctx context.Context, t *Task) error
	Timeout time.Duration // 0 = 1 min
	Tries   int           // 0 = 5
	Every   time.Duration // > 0: periodic, and only enqueued by the clock
	// Apart runs each task on a goroutine of its own instead of one of the common
	// workers: for what waits on somebody else's server, so that a dead one keeps
	// nobody else's work waiting. Its jobs carry keys, which bound how many run at once.
	Apart bool
}

// Subscription joins an event type to a kind of job, whose payload is the event.
type Subscription struct {
	Event string
	Kind  string
}

// Task is a job under way.
type Task struct {
	ID      int64
	Kind    string
	Attempt int
	Payload json.RawMessage

	fence    int64
	db       *store.DB
	finished bool
}

// Decode reads the payload. Faults: Invalid, which sends the job to quarantine at once.
func (t *Task) Decode(v any) error {
	if err := json.Unmarshal(t.Payload, v); err != nil {
		return fault.New(fault.Invalid, "payload of job %d (%s)", t.ID, t.Kind).Because(err)
	}
	return nil
}

// FinishTx ends the job in the handler's transaction. Faults: Conflict when the
// lease has moved to somebody else; the transaction must then fail.
func (t *Task) FinishTx(ctx context.Context, tx *store.Tx) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, finishJob, t.ID, t.fence, now)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "job %d has moved to another node", t.ID)
	}
	tx.AfterCommit(func() { t.finished = true })
	return nil
}
