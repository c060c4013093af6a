package store

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"time"

	"straza/internal/kernel/clock"
)

// idEpoch is 2020-01-01: 41 bits of milliseconds last until 2089.
var idEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// ids makes 53-bit ids: 41 bits ms, 3 bits node, 9 bits sequence.
type ids struct {
	mu   sync.Mutex
	node int64
	last int64
	seq  int64
}

// next never repeats and never goes back, even when the clock does: it then
// counts on in the last millisecond and borrows from the future when full.
func (g *ids) next(now time.Time) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	ms := now.Sub(idEpoch).Milliseconds()
	if ms > g.last {
		g.last, g.seq = ms, 0
	} else if g.seq++; g.seq > 511 {
		g.last, g.seq = g.last+1, 0
	}
	return g.last<<12 | g.node<<9 | g.seq
}

// IDTime is when an id was made, in µs: to the millisecond, ahead of the clock by as
// much as was borrowed. FirstID is the least id that can be made at that time.
func IDTime(id int64) int64 { return idEpoch.UnixMicro() + id>>12*1000 }

// FirstID: see IDTime.
func FirstID(at int64) int64 { return max(0, (at-idEpoch.UnixMicro())/1000) << 12 }

// NewUUID makes a version 7 UUID from a clock.
func NewUUID(c clock.Clock) string { return uuidAt(c, c.Now(), 7) }

// NewRandomUUID makes a version 4 UUID: for what must not tell when it was made.
func NewRandomUUID(c clock.Clock) string { return uuidAt(c, time.Time{}, 4) }

func uuidAt(r io.Reader, t time.Time, version byte) string {
	var b [16]byte
	_, _ = io.ReadFull(r, b[:])
	if version == 7 {
		var ms [8]byte
		binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
		copy(b[:6], ms[2:])
	}
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return FormatUUID(b)
}

// FormatUUID writes 16 bytes in the usual lower-case form.
func FormatUUID(b [16]byte) string {
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ParseUUID reads the usual form, any case, and gives it in lower case; ok is
// false for anything else. PostgreSQL's uuid type refuses what is no UUID, so
// every foreign string passes here before it becomes a parameter.
func ParseUUID(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	for i := range 36 {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return "", false
			}
		}
	}
	return strings.ToLower(s), true
}
