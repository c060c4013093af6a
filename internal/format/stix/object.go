package stix

import (
	"bytes"
	"crypto/sha1" // RFC 4122 names it for version 5
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
)

// Object is one STIX object, ready to send.
type Object struct {
	ID       string
	Type     string
	Created  string // as in the object; "" for observables
	Modified string // the object's version for TAXII; "" for observables
	Source   string // uuid of the MISP event, attribute, object, report or cluster it was made of
	Shared   bool   // of the same id and meaning in other events: identities, markings, clusters, strict observables
	JSON     []byte
}

// Namespaces of version 5 ids: the standard's for observables, the converter's
// for all else.
var (
	nsObservable = [16]byte{0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7}
	nsMISP       = [16]byte{0x76, 0xbe, 0xed, 0x5f, 0x72, 0x51, 0x45, 0x7e, 0x8c, 0x2a, 0xb4, 0x5f, 0x7b, 0x58, 0x9d, 0x3d}
)

func uuid5(ns [16]byte, name string) string {
	h := sha1.New()
	h.Write(ns[:])
	h.Write([]byte(name))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// UUID returns the uuid under which MISP's uuid travels in STIX: itself when the
// standard's schemas take it, else a version 5 made of it (of fallback when it is
// empty).
func UUID(uuid, fallback string) string {
	u := strings.ToLower(uuid)
	if usable(u) {
		return u
	}
	if u == "" || u == "0" {
		u = fallback
	}
	return uuid5(nsMISP, u)
}

func usable(u string) bool {
	if len(u) != 36 || u[14] < '1' || u[14] > '5' || strings.IndexByte("89ab", u[19]) < 0 {
		return false
	}
	for i := range len(u) {
		switch i {
		case 8, 13, 18, 23:
			if u[i] != '-' {
				return false
			}
		default:
			if (u[i] < '0' || u[i] > '9') && (u[i] < 'a' || u[i] > 'f') {
				return false
			}
		}
	}
	return true
}

// props are the properties of one object, in the order they are written.
type props []prop

type prop struct {
	key string
	raw []byte
}

func (p *props) raw(key string, b []byte) {
	if len(b) > 0 {
		*p = append(*p, prop{key, b})
	}
}

// text adds a property unless it is empty; empty strings say nothing in STIX.
func (p *props) text(key, s string) {
	if s != "" {
		p.raw(key, misp.AppendString(nil, s))
	}
}

func (p *props) number(key string, n int64) { p.raw(key, strconv.AppendInt(nil, n, 10)) }
func (p *props) truth(key string, v bool)   { p.raw(key, strconv.AppendBool(nil, v)) }

// texts adds a list unless it is empty; the standard forbids empty lists.
func (p *props) texts(key string, list []string) {
	if len(list) > 0 {
		p.raw(key, appendList(nil, list))
	}
}

// dict adds an object of properties unless it is empty.
func (p *props) dict(key string, d props) {
	if len(d) > 0 {
		p.raw(key, d.append(nil))
	}
}

func (p props) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, q := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(misp.AppendString(dst, q.key), ':')
		dst = append(dst, q.raw...)
	}
	return append(dst, '}')
}

// canonical is the form of RFC 8785 as far as observables need it: keys sorted by
// their bytes (all are ASCII), no spaces.
func (p props) canonical() []byte {
	q := slices.Clone(p)
	slices.SortFunc(q, func(a, b prop) int { return strings.Compare(a.key, b.key) })
	return q.append(nil)
}

func appendList(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = misp.AppendString(dst, s)
	}
	return append(dst, ']')
}

func appendRaws(list [][]byte) []byte {
	if len(list) == 0 {
		return nil
	}
	return append(append([]byte{'['}, bytes.Join(list, []byte{','})...), ']')
}

// stamp writes a time with three digits, or six when it needs them.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()/1000%1000 != 0 {
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// seconds is stamp for MISP's Unix times.
func seconds(n misp.Int, fallback int64) string {
	s := n.Or(fallback)
	if s < 0 || s > 253402300799 {
		s = fallback
	}
	return stamp(time.Unix(s, 0))
}
