package intake

import (
	"context"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"sort"
	"strings"
	"unicode"

	"straza/internal/format/extract"
	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// mark is a keyed sign of something that a report contains: equal content gives
// equal marks, and a mark gives nothing back.
type mark struct{ kind, mark string }

// Kinds of mark.
const (
	markIndicator = "indicator" // an address, domain, URL or hash named in the text
	markFile      = "file"      // the same file
	markReporter  = "reporter"  // the same e-mail address or phone
	markText      = "text"      // runs of the same words; plain reports only
)

// maxIndicators caps what one report is marked with.
const maxIndicators = 64

// marks derives the marks of a report at intake, while its text is in memory.
func (s *Service) marks(in *Input) []mark {
	var out []mark
	put := func(kind string, sum []byte) {
		if sum != nil {
			m := mark{kind, hex.EncodeToString(sum[:12])}
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	exact := func(name string) vault.BlindField { return vault.BlindField{Name: name, Normal: vault.NormalExact} }
	found, _ := extract.Scan(in.Body.Description+"\n"+in.Body.Where, maxIndicators)
	for _, c := range found {
		put(markIndicator, s.Vault.Index(exact("intake_mark.indicator"), strings.ToLower(c.Value)))
	}
	for _, f := range in.files {
		put(markFile, s.Vault.Index(exact("intake_mark.file"), f.SHA256))
	}
	if !in.Anonymous {
		put(markReporter, s.Vault.Index(vault.BlindField{Name: "intake_mark.email", Normal: vault.NormalEmail}, in.Contact.Email))
		put(markReporter, s.Vault.Index(vault.BlindField{Name: "intake_mark.phone", Normal: vault.NormalPhone}, in.Contact.Phone))
	}
	if !in.Sealed { // sealed text is never indexed, not even so
		for _, band := range bands(words(in.Body.Description)) {
			put(markText, s.Vault.Index(exact("intake_mark.text"), band))
		}
	}
	return out
}

// words are the folded words of a text, three letters at least.
func words(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(i18n.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) >= 3 {
			out = append(out, w)
		}
	}
	return out
}

const (
	minWords = 8 // shorter texts say too little to be called similar
	bandN    = 6
	bandRows = 2
)

// bands is min-hashing over runs of two words: texts that share half of their runs
// share a band with 99 % probability, texts that share a tenth with 6 %.
func bands(ws []string) []string {
	if len(ws) < minWords {
		return nil
	}
	var least [bandN * bandRows]uint64
	for i := range least {
		least[i] = ^uint64(0)
	}
	for i := 0; i+1 < len(ws); i++ {
		h := fnv.New64a()
		_, _ = h.Write([]byte(ws[i] + " " + ws[i+1]))
		x := h.Sum64()
		for k := range least {
			least[k] = min(least[k], mix(x+uint64(k)*0x9e3779b97f4a7c15))
		}
	}
	out := make([]string, 0, bandN)
	for b := range bandN {
		var key strings.Builder
		key.WriteByte(byte('a' + b))
		for k := range bandRows {
			key.WriteString(hexOf(least[b*bandRows+k]))
		}
		out = append(out, key.String())
	}
	return out
}

// mix is a finaliser that spreads every bit (splitmix64's constants).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hexOf(x uint64) string {
	var b [8]byte
	for i := range b {
		b[i] = byte(x >> (8 * i))
	}
	return hex.EncodeToString(b[:])
}

// Likeness is an earlier or later report that resembles one, and by what.
type Likeness struct {
	Report Report
	By     []string // indicator, file, reporter, text, organisation
	Score  int
}

var markWeight = map[string]int{markFile: 6, markIndicator: 4, markReporter: 2, markText: 3, "organisation": 1}

// Similar lists the reports most like one, among those that who may see: shared
// indicators, files, reporter, words, and the same organisation within 30 days. The
// most alike first, ten at most. Needs intake.read. Faults: NotFound.
func (s *Service) Similar(ctx context.Context, who ident.Actor, uuid string) (out []Likeness, err error) {
	if err := access.Check(who, "intake.read"); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := s.seenTx(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		out, err = s.similarTx(ctx, tx, who, &r)
		return err
	})
	return out, err
}

func (s *Service) similarTx(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report) ([]Likeness, error) {
	hits, err := sharedMarks(ctx, tx, who, r.ID)
	if err != nil {
		return nil, err
	}
	if r.Org != 0 {
		same, err := sameOrg(ctx, tx, who, r)
		if err != nil {
			return nil, err
		}
		hits = append(hits, same...)
	}
	by := map[int64]*Likeness{}
	for _, h := range hits {
		l := by[h.report]
		if l == nil {
			l = &Likeness{}
			by[h.report] = l
		}
		if !slices.Contains(l.By, h.kind) {
			l.By = append(l.By, h.kind)
		}
		l.Score += markWeight[h.kind] * int(min(h.n, 3))
	}
	ids := make([]int64, 0, len(by))
	for id := range by {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool {
		if a, b := by[ids[i]].Score, by[ids[j]].Score; a != b {
			return a > b
		}
		return ids[i] > ids[j]
	})
	if len(ids) > 10 {
		ids = ids[:10]
	}
	out := make([]Likeness, 0, len(ids))
	for _, id := range ids {
		o, found, err := reportByID(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if found {
			slices.Sort(by[id].By)
			out = append(out, Likeness{Report: o, By: by[id].By, Score: by[id].Score})
		}
	}
	return out, nil
}

// writeWords keeps the folded words that the queue's search compares; a report that
// was there before loses those it had.
func (s *Service) writeWords(ctx context.Context, tx *store.Tx, r *Report) error {
	if r.Version > 1 {
		if err := deleteWords(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	ws := append(words(r.Number+" "+r.Title+" "+r.OrgName), strings.ToLower(r.Number))
	said, err := saidIn(ctx, tx, r)
	if err != nil {
		return err
	}
	ws = append(ws, said...)
	for i := range ws {
		ws[i] = cut(ws[i], 60)
	}
	slices.Sort(ws)
	var list [][]byte
	for _, w := range slices.Compact(ws) {
		list = append(list, []byte(w))
	}
	ids, err := s.newIDs(r.Anonymous, len(list))
	if err != nil {
		return err
	}
	return insertWords(ctx, tx, r.ID, list, ids)
}

// maxSaid caps what is searched of one report's text, in words.
const maxSaid = 400

// saidIn are the words of what was reported; none of what is sealed.
func saidIn(ctx context.Context, tx *store.Tx, r *Report) ([]string, error) {
	if r.Sealed || r.Anonymous {
		return nil, nil
	}
	m, found, err := submissionOf(ctx, tx, r.submission)
	if err != nil || !found || m.sealed {
		return nil, err
	}
	var b Body
	if err := decodeBody(m.body, &b); err != nil {
		return nil, err
	}
	var out []string
	for _, w := range words(b.Description + " " + b.Where + " " + b.OrgName) {
		if len(out) < maxSaid && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out, nil
}

// newIDs draws n ids, random ones for what must not tell when it was written.
func (s *Service) newIDs(anonymous bool, n int) (ids []int64, err error) {
	ids = make([]int64, n)
	for i := range ids {
		if ids[i], err = s.newID(anonymous); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func folded(s string) string { return i18n.Fold(s) }
