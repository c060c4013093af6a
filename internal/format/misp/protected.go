package misp

import (
	"io"
	"strconv"
	"strings"
)

// Bare passes on what MISP signs of a document: its bytes without white space, that
// inside of texts too, so that no layout matters (CR, LF,
// tab, vertical tab, form feed and space go).
func Bare(w io.Writer) io.Writer { return &bare{w: w} }

type bare struct {
	w   io.Writer
	buf []byte
}

// Write gives the number of bytes taken, those that were left out among them.
func (b *bare) Write(p []byte) (int, error) {
	b.buf = b.buf[:0]
	for _, c := range p {
		if c != ' ' && (c < '\t' || c > '\r') {
			b.buf = append(b.buf, c)
		}
	}
	if _, err := b.w.Write(b.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// KnowsProtected tells whether a version of MISP knows protected events: 2.4.156 and
// what came after it (spec misp §7.2). What is no version is no old one.
func KnowsProtected(version string) bool {
	p := strings.SplitN(version, ".", 3)
	if len(p) < 2 || p[0] != "2" {
		return true
	}
	minor, err := strconv.Atoi(p[1])
	if err != nil || minor != 4 {
		return err != nil || minor > 4
	}
	if len(p) < 3 {
		return false
	}
	hotfix, _, _ := strings.Cut(p[2], " ")
	n, err := strconv.Atoi(hotfix)
	return err == nil && n >= 156
}
