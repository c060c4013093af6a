package misp

import (
	"bytes"
	"io"
)

// PrettyWriter indents compact JSON on its way to w by four spaces, as MISP does
// for people; clients named PyMISP and MISP get it compact. It keeps no more
// than its state, so an answer of any size passes.
type PrettyWriter struct {
	w       io.Writer
	depth   int
	quoted  bool
	escaped bool
	opened  bool // a bracket was written and nothing inside it yet
	buf     []byte
}

// NewPrettyWriter returns a PrettyWriter on w.
func NewPrettyWriter(w io.Writer) *PrettyWriter { return &PrettyWriter{w: w} }

// Write takes compact JSON in any portions.
func (p *PrettyWriter) Write(b []byte) (int, error) {
	p.buf = p.buf[:0]
	for _, c := range b {
		if p.quoted {
			p.buf = append(p.buf, c)
			switch {
			case p.escaped:
				p.escaped = false
			case c == '\\':
				p.escaped = true
			case c == '"':
				p.quoted = false
			}
			continue
		}
		p.sign(c)
	}
	if _, err := p.w.Write(p.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *PrettyWriter) sign(c byte) {
	if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
		return
	}
	closing := c == '}' || c == ']'
	switch {
	case p.opened && !closing:
		p.line()
	case closing:
		p.depth--
		if !p.opened {
			p.line()
		}
	}
	p.opened = false
	p.buf = append(p.buf, c)
	switch c {
	case '{', '[':
		p.depth++
		p.opened = true
	case ',':
		p.line()
	case ':':
		p.buf = append(p.buf, ' ')
	case '"':
		p.quoted = true
	}
}

func (p *PrettyWriter) line() {
	p.buf = append(p.buf, '\n')
	p.buf = append(p.buf, bytes.Repeat([]byte("    "), max(p.depth, 0))...)
}
