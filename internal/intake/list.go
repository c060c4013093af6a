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

	"straza/internal/craft/export"
	"straza/internal/kernel/audit"
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
	Query    string    // words of number, title, organisation and unsealed text; both scripts, beginnings count; or a number as people say it
	Number   string    // only a number as people say it: P-153, p153, 2026-153, 153
	Since    time.Time // changed since
}

// Orders of the queue; a minus turns one round.
const (
	ByDue      = "due"       // what falls due first, of open reports; their default
	ByReceived = "-received" // newest first; the default otherwise
	ByUpdated  = "updated"   // oldest change first: for who follows with Since
	BySeverity = "-severity" // gravest first
)

// Sorts are the orders there are, without the minus.
var Sorts = []string{"due", "received", "updated", "severity"}

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

	back bool // towards the list's beginning
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
	if err := checkSort(p.Sort); err != nil {
		return nil, "", err
	}
	if p.Limit < 1 || p.Limit > 200 {
		p.Limit = 50
	}
	p.Sort = f.sort(p.Sort)
	after := beginning(p.Sort)
	if p.Cursor != "" {
		if after, err = parseCursor(p.Cursor, p.Sort); err != nil {
			return nil, "", err
		}
	}
	moment := int64(0)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		moment = now
		out, err = listReports(ctx, tx, who, f, now, after, p.Limit+1)
		return err
	})
	if len(out) > p.Limit {
		out = out[:p.Limit]
		next = cursor{Sort: p.Sort, Key: sortKey(&out[p.Limit-1], p.Sort), ID: out[p.Limit-1].ID}.String()
	}
	for i := range out {
		out[i] = blank(who, out[i])
		out[i].LateSince = out[i].late(at(moment))
	}
	return out, next, err
}

// Neighbours gives the numbers of the reports before and after a report in the list of
// f in an order, as who sees it; "" where the list ends. A report that has left the
// list is taken by its place. Faults: NotFound.
func (s *Service) Neighbours(ctx context.Context, who ident.Actor, f Filter, sort, ref string) (prev, next string, err error) {
	if err := mayRead(who); err != nil {
		return "", "", err
	}
	if err := f.check(); err != nil {
		return "", "", err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		x, err := s.seenTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		c := cursor{Sort: f.sort(sort), ID: x.ID}
		c.Key = sortKey(&x, c.Sort)
		for _, to := range []*string{&next, &prev} {
			list, err := listReports(ctx, tx, who, f, now, c, 1)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				*to = list[0].Number
			}
			c.back = true
		}
		return nil
	})
	return prev, next, err
}

// sort gives the order in force: what is decided has no clock to be ordered by.
func (f *Filter) sort(wish string) string {
	name := strings.TrimPrefix(wish, "-")
	switch {
	case name == "due" && f.State != "open", name == "" && f.State != "open":
		return ByReceived
	case name == "":
		return ByDue
	}
	return wish
}

// checkSort refuses an order that there is not.
func checkSort(wish string) error {
	if wish != "" && !slices.Contains(Sorts, strings.TrimPrefix(wish, "-")) {
		return fault.Field("sort", "web.error.choice", "reports sort by %s", strings.Join(Sorts, ", "))
	}
	return nil
}

// beginning is the place before the first row of an order.
func beginning(sort string) cursor {
	if strings.HasPrefix(sort, "-") {
		return cursor{Sort: sort, Key: math.MaxInt64}
	}
	return cursor{Sort: sort, Key: math.MinInt64}
}

func sortKey(r *Report, sort string) int64 {
	switch strings.TrimPrefix(sort, "-") {
	case "due":
		return r.openDue()
	case "updated":
		return us(r.Updated)
	case "severity":
		return int64(severityRank(r.Severity))
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
		n, err = countReports(ctx, tx, who, f, now)
		return err
	})
	return min(n, maxCount), n > maxCount, err
}

// maxCount: a thousand is as good as "many", and the count stops there.
const maxCount = 1000

// Export gives every report of a filter to each, as List orders it, after begin was
// told how many and under which label: all of one snapshot. What leaves is recorded first.
func (s *Service) Export(ctx context.Context, who ident.Actor, f Filter, wish string, begin func(export.Extent) error, each func(Report) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := checkSort(wish); err != nil {
		return err
	}
	sort := f.sort(wish)
	log := func(tx *store.Tx) error {
		return s.Audit.Record(ctx, tx, who, "report.export", audit.Thing{Kind: "report"}, map[string]any{"filter": f.names()})
	}
	return s.DB.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		x, err := extent(ctx, tx, who, f, now)
		if err != nil {
			return err
		}
		if err := begin(x); err != nil {
			return err
		}
		for after := beginning(sort); ; {
			rows, err := listReports(ctx, tx, who, f, now, after, exportBatch)
			if err != nil {
				return err
			}
			for i := range rows {
				if err := each(blank(who, rows[i])); err != nil {
					return err
				}
			}
			if len(rows) < exportBatch {
				return nil
			}
			last := &rows[len(rows)-1]
			after = cursor{Sort: sort, Key: sortKey(last, sort), ID: last.ID}
		}
	})
}

// exportBatch is how many reports an export holds at a time.
const exportBatch = 500

// names lists which fields of a filter were set, for the audit line.
func (f *Filter) names() []string {
	out := []string{}
	for name, on := range map[string]bool{"state": f.State != "", "type": f.Type != "", "channel": f.Channel != "", "severity": f.Severity != "", "tlp": f.TLP != "",
		"class": f.Class != "", "mine": f.Mine, "late": f.Late, "unread": f.Unread, "org": f.Org != 0, "cert": f.CERT != 0, "q": f.Query != "", "since": !f.Since.IsZero()} {
		if on {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// asked is the filter as who may ask it: the command line sees numbers, states and times,
// so it cannot feel for content by words either.
func (f Filter) asked(who ident.Actor) Filter {
	if who.Kind == ident.Operator && f.Query != "" {
		f.Number, f.Query = f.Query, ""
	}
	return f
}

// otherKinds are the letters of what is no report: cases and warnings. Their numbers
// are one word, whose digits find no report.
var otherKinds = []string{"s", "up"}

// queryWords are the folded words of a search, the longest first: it finds least.
func queryWords(q string) []string {
	q = strings.TrimSpace(folded(tidy(q)))
	var out []string
	_, _, said := store.Spoken("p", q)
	if said || strings.Contains(q, "p-") || slices.Contains(otherKinds, store.Lettered(q)) { // a number is one word
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
