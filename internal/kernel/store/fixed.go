package store

import "sync"

// fixedMost bounds what is remembered: with more it begins anew.
const fixedMost = 50_000

// fixed remembers what never changes again once it is committed.
type fixed struct {
	mu   sync.RWMutex
	kept map[any]int64
}

// Fixed gives the id that was fixed for key, which is of a type of the caller's own.
func (tx *Tx) Fixed(key any) (id int64, known bool) {
	f := &tx.db.fixed
	f.mu.RLock()
	defer f.mu.RUnlock()
	id, known = f.kept[key]
	return id, known
}

// Fix remembers, from this transaction's commit on, the id of a row that nobody ever
// changes or deletes: it need not be looked up again.
func (tx *Tx) Fix(key any, id int64) {
	tx.AfterCommit(func() {
		f := &tx.db.fixed
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.kept == nil || len(f.kept) >= fixedMost {
			f.kept = map[any]int64{}
		}
		f.kept[key] = id
	})
}
