package intake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows the queue. Zero fields do not.
type Filter struct {
	State    string // one of States, "open" (new and acknowledged) or ""
	Type     Type
	Channel  Channel
	Severity string
	TLP      string
	Class    string // RSIT class
	Mine     bool   // taken by who asks
	Late     bool   // a clock is overdue
	Unread   bool   // the reporter wrote and nobody has read it
	Org      int64
	CERT     int64
	Query    string    // words of number, title, organisation; both scripts, beginnings count; or a number as people say it
	Number   string    // only a number as people say it: P-153, p153, 2026-153, 153
	Since    time.Time // changed since
}

// Orders of the queue.
const (
	ByDue      = "due"       // what falls due first; the default for open reports
	ByReceived = "-received" // newest first; the default otherwise
	ByUpdated  = "updated"   // oldest change first: for who follows with Since
)

// Page says which part of the list.
type Page struct {
	Sort   string
	Cursor string // as the last page gave it
	Limit  int    // 1 to 200, else 50
}

// cursor is the last row's place: its key and id. Reports of one hour that tell no
// time stand in the order of their random ids.
type cursor struct {
	Sort string `json:"s"`
	Key  int64  `json:"k"`
	ID   int64  `json:"i"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(s, sort string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if len(s) > 300 || err != nil || json.Unmarshal(raw, &c) != nil || c.Sort != sort {
		return c, fault.Field("cursor", "web.error.form", "the cursor is not one of ours")
	}
	return c, nil
}

func (f *Filter) check() error {
	var c fault.Collector
	c.Require(f.State == "" || f.State == "open" || State(f.State).Validate() == nil, "state", "intake.fault.state")
	c.Require(f.Type == "" || f.Type.Validate() == nil, "type", "intake.fault.type")
	c.Require(f.Channel == "" || slices.Contains(Channels, f.Channel), "channel", "web.error.choice")
	c.Require(f.Severity == "" || severityRank(f.Severity) > 0, "severity", "web.error.choice")
	c.Require(f.TLP == "" || slices.Contains(TLPs, f.TLP), "tlp", "intake.fault.label")
	c.Require(utf8.RuneCountInString(f.Query+f.Number) <= 200, "q", "form.long")
	return c.Err("filter")
}

// List gives one page of the reports that who may see, and the cursor of the next
// ("" at the end). Needs intake.read, or shows what one's own organisation sent.
func (s *Service) List(ctx context.Context, who ident.Actor, f Filter, p Page) (out []Report, next string, err error) {
	if err := mayRead(who); err != nil {
		return nil, "", err
	}
	if err := f.check(); err != nil {
		return nil, "", err
	}
	if p.Limit < 1 || p.Limit > 200 {
		p.Limit = 50
	}
	p.Sort = f.sort(p.Sort)
	after := cursor{Sort: p.Sort, Key: math.MinInt64, ID: 0}
	if p.Sort == ByReceived {
		after.Key = math.MaxInt64
	}
	if p.Cursor != "" {
		if after, err = parseCursor(p.Cursor, p.Sort); err != nil {
			return nil, "", err
		}
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		out, err = listReports(ctx, tx, who, f, queryWords(f.Query), now, after, p.Limit+1)
		return err
	})
	if len(out) > p.Limit {
		out = out[:p.Limit]
		next = cursor{p.Sort, sortKey(&out[p.Limit-1], p.Sort), out[p.Limit-1].ID}.String()
	}
	for i := range out {
		out[i] = blank(who, out[i])
	}
	return out, next, err
}

func (f *Filter) sort(wish string) string {
	switch {
	case wish == ByReceived || wish == ByUpdated:
		return wish
	case wish == ByDue || f.State == "open":
		if f.State == "open" {
			return ByDue
		}
	}
	return ByReceived
}

func sortKey(r *Report, sort string) int64 {
	switch sort {
	case ByDue:
		return r.openDue()
	case ByUpdated:
		return us(r.Updated)
	}
	return us(r.Received)
}

// Count counts what List lists, up to 1,000; more says that there are more.
func (s *Service) Count(ctx context.Context, who ident.Actor, f Filter) (n int64, more bool, err error) {
	if err := mayRead(who); err != nil {
		return 0, false, err
	}
	if err := f.check(); err != nil {
		return 0, false, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		n, err = countReports(ctx, tx, who, f, queryWords(f.Query), now)
		return err
	})
	return min(n, maxCount), n > maxCount, err
}

// maxCount: a thousand is as good as "many", and the count stops there.
const maxCount = 1000

// Export streams every report of a filter, as List orders it, page by page.
func (s *Service) Export(ctx context.Context, who ident.Actor, f Filter, each func(Report) error) error {
	p := Page{Limit: 200}
	for {
		rows, next, err := s.List(ctx, who, f, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := each(r); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		p.Cursor = next
	}
}

// queryWords are the folded words of a search, the longest first: it finds least.
func queryWords(q string) []string {
	q = strings.TrimSpace(folded(tidy(q)))
	var out []string
	if strings.Contains(q, "p-") { // a number is one word
		out = strings.Fields(q)
	} else {
		out = words(q)
		if len(out) == 0 && q != "" {
			out = []string{q}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	if len(out) > 4 {
		out = out[:4]
	}
	return out
}
