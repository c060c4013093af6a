package catalog

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gaissmai/bart"

	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Hit is one warning list that holds a value.
type Hit struct {
	ID       int64
	Name     string
	Category string // "false_positive" or "known"
	Matched  string // the list's entry
	Value    string // what of the value stands on it: a half of a composite, or the whole
	Comment  string // of the entry, in lists made here
}

// matcher keeps the enabled lists ready: hashes of 8 bytes for texts and names, a
// prefix table for networks. All 529,000 upstream entries take some 20 MB.
type matcher struct {
	mu      sync.Mutex
	lists   []*list
	loaded  bool
	as      int64 // last change that was loaded
	checked time.Time
}

// recheck: another node may have changed a list; this one looks that often.
const recheck = 5 * time.Second

var seed = maphash.MakeSeed()

func hash(s string) uint64 { return maphash.String(seed, s) }

// list is one warning list, ready to be asked.
type list struct {
	item     Item
	category string
	hashes   []uint64 // string, hostname
	nets     *bart.Table[struct{}]
	texts    []string // substring
	comments map[string]string
	regexes  []*regexp.Regexp
}

func (m *matcher) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lists, m.loaded, m.checked = nil, false, time.Time{}
}

// Hits names the enabled warning lists that hold value, for attributes of type
// typ ("" = whatever the lists are meant for); each half of a composite counts.
func (s *Service) Hits(ctx context.Context, who ident.Actor, typ, value string) ([]Hit, error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	lists, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	terms := []string{strings.ToLower(strings.TrimSpace(value))}
	if misp.Composite(typ) {
		if a, b, ok := strings.Cut(terms[0], "|"); ok {
			terms = []string{a, b}
		}
	}
	halves := strings.Split(typ, "|")
	var out []Hit
	for _, l := range lists {
		whole := typ == "" || len(l.item.Types) == 0 || slices.Contains(l.item.Types, typ)
		for i, t := range terms {
			// A list meant for addresses holds the address of an address with a port.
			if !whole && (len(halves) == 1 || i >= len(halves) || !slices.Contains(l.item.Types, halves[i])) {
				continue
			}
			if entry, ok := l.holds(t); ok {
				out = append(out, Hit{ID: l.item.ID, Name: l.item.Name, Category: l.category, Matched: entry, Value: t, Comment: l.comments[entry]})
				break
			}
		}
	}
	return out, nil
}

// ready gives the lists in force, loading them when they were never or changed.
func (s *Service) ready(ctx context.Context) ([]*list, error) {
	m := &s.match
	m.mu.Lock()
	defer m.mu.Unlock()
	now := s.db.Clock.Now()
	if m.loaded && now.Sub(m.checked) < recheck && now.After(m.checked) {
		return m.lists, nil
	}
	err := s.db.View(ctx, func(tx *store.Tx) error {
		last, err := store.Int64(ctx, tx, lastChange, WarningList)
		if err != nil || m.loaded && last == m.as {
			return err
		}
		m.lists, err = loadLists(ctx, tx)
		m.loaded, m.as = err == nil, last
		return err
	})
	m.checked = now
	return m.lists, err
}

func loadLists(ctx context.Context, tx *store.Tx) ([]*list, error) {
	items, err := store.All(ctx, tx, scanItem, ofKind, WarningList)
	if err != nil {
		return nil, err
	}
	var out []*list
	for _, it := range items {
		if !it.Enabled {
			continue
		}
		body, err := bodyOf(ctx, tx, it.ID)
		if err != nil {
			return nil, err
		}
		l, err := newList(it, body)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func newList(it Item, body []byte) (*list, error) {
	var f struct {
		List     []any             `json:"list"`
		Category string            `json:"category"`
		Comments map[string]string `json:"comments"`
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, err
	}
	l := &list{item: it, category: either(f.Category, "false_positive"), comments: f.Comments}
	for _, v := range f.List {
		text, ok := v.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			continue
		}
		l.add(text)
	}
	slices.Sort(l.hashes)
	l.hashes = slices.Compact(l.hashes)
	return l, nil
}

// add puts an entry where its type is looked up; one that cannot be read (a
// regular expression that RE2 has not) is left out, and says so.
func (l *list) add(text string) (read bool) {
	switch l.item.Class {
	case "string":
		l.hashes = append(l.hashes, hash(strings.ToLower(text)))
	case "hostname":
		l.hashes = append(l.hashes, hash(strings.Trim(strings.ToLower(text), ".")))
	case "cidr":
		p, ok := prefix(text)
		if !ok {
			return false
		}
		if l.nets == nil {
			l.nets = &bart.Table[struct{}]{}
		}
		l.nets.Insert(p, struct{}{})
	case "substring":
		l.texts = append(l.texts, strings.ToLower(text))
	case "regex":
		re, err := regexp.Compile(perl(text))
		if err != nil {
			return false
		}
		l.regexes = append(l.regexes, re)
	}
	return true
}

// perl takes the delimiters and flags of /…/i off.
func perl(s string) string {
	i := strings.LastIndexByte(s, '/')
	if len(s) < 2 || s[0] != '/' || i == 0 {
		return "(?i)" + s
	}
	return "(?i)" + strings.ReplaceAll(s[1:i], `\@`, "@")
}

func prefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// holds tells whether v (lower case) is on the list, and by which entry.
func (l *list) holds(v string) (string, bool) {
	switch l.item.Class {
	case "string":
		_, ok := slices.BinarySearch(l.hashes, hash(v))
		return v, ok
	case "hostname":
		return l.host(v)
	case "cidr":
		return l.net(v)
	case "substring":
		for _, t := range l.texts {
			if strings.Contains(v, t) {
				return t, true
			}
		}
	case "regex":
		for _, re := range l.regexes {
			if re.MatchString(v) {
				return re.String(), true
			}
		}
	}
	return "", false
}

// host walks the names above v: a.b.example.com is on a list with example.com.
func (l *list) host(v string) (string, bool) {
	if strings.Contains(v, "/") {
		u, err := url.Parse(v)
		if err != nil || u.Hostname() == "" {
			return "", false
		}
		v = u.Hostname()
	}
	if _, after, ok := strings.Cut(v, "@"); ok {
		v = after
	}
	for v = strings.Trim(v, "."); v != ""; {
		if _, ok := slices.BinarySearch(l.hashes, hash(v)); ok {
			return v, true
		}
		_, v, _ = strings.Cut(v, ".")
	}
	return "", false
}

func (l *list) net(v string) (string, bool) {
	p, ok := prefix(v)
	if !ok || l.nets == nil {
		return "", false
	}
	got, _, ok := l.nets.LookupPrefixLPM(p)
	return got.String(), ok
}
