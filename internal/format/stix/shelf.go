package stix

import (
	"bytes"
	"compress/flate"
	"io"
)

// Blocks of objects: small, because one is opened for each object that is asked for out
// of order; so many stay open that objects which follow each other cost nothing.
const (
	shelfBlock = 32 << 10
	shelfOpen  = 256
)

// shelf keeps the bytes of objects packed, because references go any way and all of a
// bundle has to be at hand: STIX packs to about a tenth.
type shelf struct {
	packed [][]byte
	filled []byte         // the block that is being filled, plain
	open   map[int][]byte // the blocks that are at hand, plain
	order  []int          // of them, the oldest first
	w      *flate.Writer
	r      io.ReadCloser
}

// shelved is where an object stands.
type shelved struct{ block, from, size int32 }

// put takes an object's bytes in.
func (s *shelf) put(raw []byte) shelved {
	if len(s.filled) > 0 && len(s.filled)+len(raw) > shelfBlock {
		s.pack()
	}
	at := shelved{int32(len(s.packed)), int32(len(s.filled)), int32(len(raw))}
	s.filled = append(s.filled, raw...)
	return at
}

func (s *shelf) pack() {
	var b bytes.Buffer
	if s.w == nil {
		s.w, _ = flate.NewWriter(&b, flate.BestSpeed) // a level that exists
	} else {
		s.w.Reset(&b)
	}
	_, _ = s.w.Write(s.filled) // into memory
	_ = s.w.Close()
	s.packed = append(s.packed, bytes.Clone(b.Bytes()))
	s.filled = s.filled[:0]
}

// get gives an object's bytes, which nobody may change.
func (s *shelf) get(at shelved) []byte {
	block := int(at.block)
	if block == len(s.packed) {
		return s.filled[at.from : at.from+at.size]
	}
	plain, ok := s.open[block]
	if !ok {
		plain = s.unpack(block)
	}
	return plain[at.from : at.from+at.size]
}

func (s *shelf) unpack(block int) []byte {
	from := bytes.NewReader(s.packed[block])
	if s.r == nil {
		s.r = flate.NewReader(from)
		s.open = map[int][]byte{}
	} else {
		_ = s.r.(flate.Resetter).Reset(from, nil)
	}
	plain, _ := io.ReadAll(s.r) // as pack made it
	if len(s.order) >= shelfOpen {
		delete(s.open, s.order[0])
		s.order = s.order[1:]
	}
	s.open[block], s.order = plain, append(s.order, block)
	return plain
}
