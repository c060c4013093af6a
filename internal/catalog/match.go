package catalog

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"straza/internal/format/misp"
	"straza/internal/format/pattern"
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
	mu    sync.Mutex // held by the one that loads
	known atomic.Pointer[inForce]
}

// inForce is what was loaded, and until when it may be taken for the present.
type inForce struct {
	lists *lists
	as    int64 // last change that was loaded
	from  time.Time
	until time.Time
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
	nets     *bart.Table[uint32]
	texts    *parts // substring
	comments map[string]string
	regexes  []*pattern.Pattern
	steps    int // of the patterns together
}

func (m *matcher) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known.Store(nil)
}

// Hits names the enabled warning lists that hold value, for attributes of type
// typ ("" = whatever the lists are meant for); each half of a composite counts.
func (s *Service) Hits(ctx context.Context, who ident.Actor, typ, value string) ([]Hit, error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	known, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	halves := [2]string{strings.ToLower(strings.TrimSpace(value))}
	terms := halves[:1]
	if misp.Composite(typ) {
		if a, b, ok := strings.Cut(halves[0], "|"); ok {
			halves = [2]string{a, b}
			terms = halves[:]
		}
	}
	var out []Hit
	var found [2]asked
	hashed := false
	for i, t := range terms {
		found[i] = known.ask(t)
		hashed = hashed || found[i].inText || found[i].inName || found[i].inNet
	}
	meant := known.meant(typ)
	asking := meant.scanned // most values stand on no list: only those that look into the text are left
	if hashed {
		asking = meant.all
	}
	for _, c := range asking {
		for i := range terms {
			if c.half >= 0 && c.half != i || !found[i].may(c.list) {
				continue
			}
			if entry, ok := c.list.holds(&found[i]); ok {
				out = append(out, Hit{ID: c.list.item.ID, Name: c.list.item.Name, Category: c.list.category, Matched: entry, Value: terms[i], Comment: c.list.comments[entry]})
				break
			}
		}
	}
	return out, nil
}

// ready gives the lists in force, loading them when they were never or changed.
func (s *Service) ready(ctx context.Context) (*lists, error) {
	m := &s.match
	now := s.db.Clock.Now()
	if k := m.known.Load(); k.fresh(now) {
		return k.lists, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.known.Load()
	if old.fresh(now) {
		return old.lists, nil
	}
	k := &inForce{from: now, until: now.Add(recheck)}
	err := s.db.View(store.Present(ctx), func(tx *store.Tx) (err error) {
		if k.as, err = store.Int64(ctx, tx, lastChange, WarningList); err != nil {
			return err
		}
		if old != nil && old.as == k.as {
			k.lists = old.lists
			return nil
		}
		all, err := loadLists(ctx, tx)
		k.lists = newLists(all)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.known.Store(k)
	return k.lists, nil
}

func (k *inForce) fresh(now time.Time) bool {
	return k != nil && now.Before(k.until) && !now.Before(k.from)
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
	var texts []string
	l := &list{item: it, category: either(f.Category, "false_positive"), comments: f.Comments}
	for _, v := range f.List {
		text, ok := v.(string)
		if text = strings.TrimSpace(text); !ok || text == "" {
			continue
		}
		if l.item.Class == "substring" {
			texts = append(texts, strings.ToLower(text))
		}
		l.add(text)
	}
	slices.Sort(l.hashes)
	l.hashes = slices.Compact(l.hashes)
	l.texts = newParts(texts)
	return l, nil
}

// add puts an entry where its type is looked up; one that cannot be read (a regular
// expression that RE2 has not, or that makes the list too costly) is left out, and says so.
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
			l.nets = &bart.Table[uint32]{}
		}
		l.nets.Insert(p, 0)
	case "regex":
		text = pattern.Delimited(text)
		if !strings.HasPrefix(text, "(?i") {
			text = "(?i)" + text
		}
		re, err := pattern.Compile(text)
		if err != nil || l.steps+re.Steps() > pattern.MostTogether {
			return false
		}
		l.regexes, l.steps = append(l.regexes, re), l.steps+re.Steps()
	}
	return true
}

func prefix(s string) (netip.Prefix, bool) {
	if !addressLike(s) {
		return netip.Prefix{}, false
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// addressLike tells what cannot be an address or a network at a glance: nearly all
// values are none, and a parser that refuses them makes an error of each.
func addressLike(s string) bool {
	mark := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' || c == ':':
			mark = true
		case c == '%':
			return mark
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == '/':
		default:
			return false
		}
	}
	return mark
}

// holds tells whether what was probed is on the list, and by which entry.
func (l *list) holds(p *asked) (string, bool) {
	switch l.item.Class {
	case "string":
		_, ok := slices.BinarySearch(l.hashes, p.hash)
		return p.text, ok
	case "hostname":
		for _, n := range p.names {
			if _, ok := slices.BinarySearch(l.hashes, n.hash); ok {
				return n.name, true
			}
		}
	case "cidr":
		if p.isNet && l.nets != nil {
			got, _, ok := l.nets.LookupPrefixLPM(p.net)
			return got.String(), ok
		}
	case "substring":
		return l.texts.in(p.text)
	case "regex":
		for _, re := range l.regexes {
			if re.In(p.text) {
				return re.String(), true
			}
		}
	}
	return "", false
}

// lists are the lists in force together: what stands on none of them is told from
// one look into a sieve of all hashes and one into a table of all networks.
type lists struct {
	all   []*list
	sieve []uint64
	nets  *bart.Table[uint32]
	types sync.Map // attribute type → candidates
}

// sieveWords: a megabyte. Half a million entries set two bits each, so that about
// one value in fifty passes that stands on no list.
const sieveWords = 1 << 17

// sieved gives a hash's two bits, both in one word.
func sieved(h uint64) (at, bits uint64) {
	return h % sieveWords, 1<<(h>>32&63) | 1<<(h>>40&63)
}

// candidate is a list that is meant for a type, or for one half of it (else -1).
type candidate struct {
	list *list
	half int
}

// candidates are the lists for a type; scanned are those of them that no hash can
// rule out.
type candidates struct{ all, scanned []candidate }

func newLists(all []*list) *lists {
	k := &lists{all: all, sieve: make([]uint64, sieveWords), nets: &bart.Table[uint32]{}}
	for _, l := range all {
		for _, h := range l.hashes {
			at, bits := sieved(h)
			k.sieve[at] |= bits
		}
		if l.nets != nil {
			k.nets.Union(l.nets)
		}
	}
	return k
}

// meant gives the lists for a type; a list meant for addresses holds the address
// of an address with a port.
func (k *lists) meant(typ string) *candidates {
	if c, ok := k.types.Load(typ); ok {
		return c.(*candidates)
	}
	out := &candidates{}
	add := func(c candidate) {
		if out.all = append(out.all, c); c.list.item.Class == "substring" || c.list.item.Class == "regex" {
			out.scanned = append(out.scanned, c)
		}
	}
	halves := strings.Split(typ, "|")
	for _, l := range k.all {
		if typ == "" || len(l.item.Types) == 0 || slices.Contains(l.item.Types, typ) {
			add(candidate{l, -1})
			continue
		}
		for i := range halves {
			if len(halves) > 1 && i < 2 && slices.Contains(l.item.Types, halves[i]) {
				add(candidate{l, i})
			}
		}
	}
	if typ == "" || slices.Contains(misp.Types(), typ) { // what is no type is not remembered: callers name them
		k.types.Store(typ, out)
	}
	return out
}

// asked is a value, hashed and read once for all lists.
type asked struct {
	text  string
	hash  uint64
	names []nameHash // the host's name and those above it
	net   netip.Prefix
	isNet bool

	inText, inName, inNet bool // some list may hold it
}

type nameHash struct {
	name string
	hash uint64
}

func (k *lists) ask(text string) asked {
	p := asked{text: text, hash: hash(text)}
	in := func(h uint64) bool { at, bits := sieved(h); return k.sieve[at]&bits == bits }
	p.inText = in(p.hash)
	for v := hostOf(text); v != ""; {
		h := hash(v)
		if in(h) {
			p.names, p.inName = append(p.names, nameHash{v, h}), true
		}
		_, v, _ = strings.Cut(v, ".")
	}
	if p.net, p.isNet = prefix(text); p.isNet {
		_, _, p.inNet = k.nets.LookupPrefixLPM(p.net)
	}
	return p
}

// may tells whether a list may hold the value.
func (p *asked) may(l *list) bool {
	switch l.item.Class {
	case "string":
		return p.inText
	case "hostname":
		return p.inName
	case "cidr":
		return p.inNet
	}
	return true
}

// hostOf is the host's name within a link or an address of mail, or the value itself.
func hostOf(v string) string {
	if _, rest, ok := strings.Cut(v, "://"); ok {
		v = rest
	}
	v, _, _ = strings.Cut(v, "/")
	v, _, _ = strings.Cut(v, "?")
	if _, after, ok := strings.Cut(v, "@"); ok {
		v = after
	}
	if host, port, ok := strings.Cut(v, ":"); ok && !strings.Contains(port, ":") {
		v = host
	}
	return strings.Trim(v, ".")
}
