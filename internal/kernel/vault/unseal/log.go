package unseal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Entry is one line of the log. It never holds content or an address.
type Entry struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Act    string    `json:"act"` // start, prove, open, post, enrol, remove
	Who    string    `json:"who,omitempty"`
	Proof  string    `json:"proof,omitempty"` // totp, passkey
	Kind   string    `json:"kind,omitempty"`  // of the sealed text, or the letter's template
	Record string    `json:"record,omitempty"`
	Ref    string    `json:"ref,omitempty"` // the web node's audit line
	Reason string    `json:"reason,omitempty"`
	Result string    `json:"result"` // granted, done, or why not
}

// ErrLogDamaged is returned when a line was changed, taken out, put in or moved,
// or when a receipt's line is not there.
var ErrLogDamaged = errors.New("unseal: log is damaged")

// maxLine bounds a log line: what goes into one is cut long before.
const maxLine = 64 << 10

// genesis is what the first line's hash is chained to.
var genesis = hex.EncodeToString(make([]byte, sha256.Size))

// chain is the hash of a line: over the hash before it and the line's own bytes.
func chain(prev string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(prev + " "))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// journal is the log opened for writing. Once a line cannot be written or synced
// every further one fails: no opening without its line.
type journal struct {
	mu   sync.Mutex
	f    *os.File
	size int64
	last Receipt
	err  error
}

// openJournal opens the log at its end. A last line without its newline was
// never acknowledged to anyone (the process died writing it) and is cut off;
// any other damage refuses the start.
func openJournal(path string) (j *journal, torn bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("unseal: open log: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	sum, err := VerifyLog(f)
	if err != nil {
		return nil, false, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, false, fmt.Errorf("unseal: open log: %w", err)
	}
	if torn = sum.Bytes < st.Size(); torn {
		if err := errors.Join(f.Truncate(sum.Bytes), f.Sync()); err != nil {
			return nil, false, fmt.Errorf("unseal: mend log: %w", err)
		}
	}
	return &journal{f: f, size: sum.Bytes, last: sum.Last}, torn, nil
}

// add writes one line to disk and gives its receipt.
func (j *journal) add(e Entry) (Receipt, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return Receipt{}, j.err
	}
	e.Seq, e.Time = j.last.Seq+1, e.Time.UTC()
	body, err := json.Marshal(e)
	if err != nil {
		return Receipt{}, fmt.Errorf("unseal: log line: %w", err)
	}
	r := Receipt{Seq: e.Seq, Hash: chain(j.prev(), body)}
	line := append([]byte(r.Hash+" "), append(body, '\n')...)
	if _, err = j.f.WriteAt(line, j.size); err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		// after a failed sync nobody knows what is on disk: cut back if possible, write no more if not
		if back := errors.Join(j.f.Truncate(j.size), j.f.Sync()); back != nil {
			j.err = fmt.Errorf("unseal: log cannot be written: %w", back)
		}
		return Receipt{}, fmt.Errorf("unseal: write log: %w", err)
	}
	j.size += int64(len(line))
	j.last = r
	return r, nil
}

func (j *journal) prev() string {
	if j.last.Hash == "" {
		return genesis
	}
	return j.last.Hash
}

func (j *journal) head() Receipt {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

func (j *journal) close() error { return j.f.Close() }

// Summary of a log that is whole.
type Summary struct {
	Lines int64
	Bytes int64 // up to the last whole line; a torn one after it does not count
	Last  Receipt
}

// VerifyLog reads a log and checks its chain, and that the line of every receipt
// is there: the chain alone cannot show that the end was cut off, the receipts in
// the web node's audit log can. An error wraps ErrLogDamaged and names the line.
func VerifyLog(r io.Reader, receipts ...Receipt) (Summary, error) {
	want := map[int64]string{}
	for _, x := range receipts {
		want[x.Seq] = x.Hash
	}
	var s Summary
	err := ReadLog(r, func(e Entry, x Receipt, size int64) error {
		if h, ok := want[x.Seq]; ok && h != x.Hash {
			return fmt.Errorf("%w: line %d is not the one acknowledged", ErrLogDamaged, x.Seq)
		}
		delete(want, x.Seq)
		s.Lines, s.Last = s.Lines+1, x
		s.Bytes += size
		return nil
	})
	if err != nil {
		return s, err
	}
	for seq := range want {
		return s, fmt.Errorf("%w: line %d was acknowledged and is missing", ErrLogDamaged, seq)
	}
	return s, nil
}

// ReadLog gives every line of a log in order, checked against the one before.
// size is the line's length in bytes. It stops at a torn last line.
func ReadLog(r io.Reader, each func(e Entry, x Receipt, size int64) error) error {
	br := bufio.NewReaderSize(r, maxLine)
	prev := genesis
	for n := int64(1); ; n++ {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrLogDamaged, n, err)
		}
		hash, body, ok := bytes.Cut(line[:len(line)-1], []byte(" "))
		if !ok || string(hash) != chain(prev, body) {
			return fmt.Errorf("%w: line %d does not follow the one before", ErrLogDamaged, n)
		}
		var e Entry
		if err := json.Unmarshal(body, &e); err != nil || e.Seq != n {
			return fmt.Errorf("%w: line %d", ErrLogDamaged, n)
		}
		prev = string(hash)
		if err := each(e, Receipt{Seq: n, Hash: prev}, int64(len(line))); err != nil {
			return err
		}
	}
}
