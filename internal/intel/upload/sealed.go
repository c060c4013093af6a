package upload

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"

	"straza/internal/kernel/vault"
)

// part is how much of a file is sealed at once; a part is known by its place, so that
// none can be left out, doubled or moved, and the last one by its column.
const part = 1 << 20

func cell(id int64, n int, last bool) vault.Field {
	column := "file." + strconv.Itoa(n)
	if last {
		column += ".end"
	}
	return vault.Field{Table: "intel_upload", Column: column, Row: id}
}

// sealing gives the sealed form of what r gives, made as it is read.
type sealing struct {
	keys       Keys
	id         int64
	r          io.Reader
	n          int
	size       int64
	head       []byte // the first bytes of the file
	ahead, out []byte
	begun, end bool
}

func (s *sealing) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.end {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	k := copy(p, s.out)
	s.out = s.out[k:]
	return k, nil
}

func (s *sealing) fill() ([]byte, error) {
	buf := make([]byte, part)
	for n := 0; ; {
		k, err := s.r.Read(buf[n:])
		n += k
		if err == io.EOF || n == part {
			return buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// next seals one part; it reads one ahead to know which is the last.
func (s *sealing) next() (err error) {
	if !s.begun {
		s.begun = true
		if s.ahead, err = s.fill(); err != nil {
			return err
		}
		s.head = s.ahead[:min(len(s.ahead), 4096)]
	}
	now := s.ahead
	if len(now) == part {
		if s.ahead, err = s.fill(); err != nil {
			return err
		}
	} else {
		s.ahead = nil
	}
	s.end = len(s.ahead) == 0
	s.size += int64(len(now))
	b, err := s.keys.Seal(cell(s.id, s.n, s.end), now)
	if err != nil {
		return err
	}
	s.n++
	s.out = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	return nil
}

// opening is the plain form of a sealed file, part by part.
type opening struct {
	keys Keys
	id   int64
	r    io.Reader
	n    int
	out  []byte
	end  bool
}

var errSealed = errors.New("the kept file is damaged")

func (o *opening) Read(p []byte) (int, error) {
	for len(o.out) == 0 {
		if o.end {
			return 0, io.EOF
		}
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	k := copy(p, o.out)
	o.out = o.out[k:]
	return k, nil
}

func (o *opening) next() error {
	var size [4]byte
	if _, err := io.ReadFull(o.r, size[:]); err != nil {
		return errors.Join(errSealed, err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > part+1024 {
		return errSealed
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(o.r, b); err != nil {
		return errors.Join(errSealed, err)
	}
	plain, err := o.keys.Open(cell(o.id, o.n, false), b)
	if err != nil {
		if plain, err = o.keys.Open(cell(o.id, o.n, true), b); err != nil {
			return err
		}
		o.end = true
	}
	o.n++
	o.out = plain
	return nil
}
