package incident

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"straza/internal/craft/deadline"
	"straza/internal/craft/export"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows a list; zero fields do not.
type Filter struct {
	State        string // a state, or "open" = new, in progress, waiting
	Lead         int64
	Mine         bool
	NoLead       bool
	Severity     string
	Class        string // a class or a pair; a class means all its pairs
	Org          int64  // affected organisation
	Query        string // words, in either script, beginnings count; or a number as people say it
	Number       string // only a number as people say it: S-114, s114, 2026-114, 114
	UpdatedSince int64
	Sort         string // updated, opened, severity; a minus turns it round. "" = -updated
}

// Page is a part of a list: the keys of the last row seen, at most Limit rows.
type Page struct {
	Limit int
	Key   int64
	ID    int64

	back bool // towards the list's beginning
}

// Sorts are the orders there are, without the minus.
var Sorts = []string{"updated", "opened", "severity"}

// sorts are the orders: which column, and whether "" direction is downward.
var sorts = map[string]string{"updated": "c.updated", "opened": "c.opened", "severity": "c.severity_rank"}

func (f Filter) order() (col string, down bool, err error) {
	name := f.Sort
	if name == "" {
		name = "-updated"
	}
	name, down = strings.CutPrefix(name, "-")
	col, ok := sorts[name]
	if !ok {
		return "", false, fault.Field("sort", "web.error.choice", "cases sort by updated, opened or severity")
	}
	return col, down, nil
}

func (f Filter) check() error {
	var c fault.Collector
	c.Require(f.State == "" || f.State == "open" || slices.Contains(States, State(f.State)), "state", "web.error.choice")
	c.Require(f.Severity == "" || rankOf(f.Severity) > 0, "severity", "web.error.choice")
	c.Require(f.Class == "" || codeShape.MatchString(f.Class), "class", "web.error.choice")
	c.Require(utf8.RuneCountInString(f.Query+f.Number) <= 400, "q", "incident.fault.long")
	if _, _, err := f.order(); err != nil {
		c.Add("sort", "web.error.choice")
	}
	return c.Err("filter")
}

// queryWords folds what was typed into the words that the index holds.
func queryWords(q string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(i18n.Fold(q), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.'
	}) {
		if w = strings.Trim(w, "-."); w != "" && len(out) < 8 {
			out = append(out, w)
		}
	}
	return out
}

// List gives a page of the cases that who sees, with organisations, tasks and the
// nearest clock of each; more tells that others follow.
func (s *Service) List(ctx context.Context, who ident.Actor, f Filter, p Page) (out []Case, more bool, err error) {
	if err := f.check(); err != nil {
		return nil, false, err
	}
	if p.Limit < 1 || p.Limit > 500 {
		p.Limit = 50
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		if out, err = s.pageTx(ctx, tx, who, f, p); err != nil {
			return err
		}
		if len(out) > p.Limit {
			out, more = out[:p.Limit], true
		}
		return s.decorate(ctx, tx, who, out)
	})
	return out, more, err
}

// Keys gives the keyset of a row under an order, for the next page.
func (c Case) Keys(sort string) (key, id int64) {
	switch strings.TrimPrefix(sort, "-") {
	case "opened":
		return c.Opened, c.ID
	case "severity":
		return rankOf(c.Severity), c.ID
	}
	return c.Updated, c.ID
}

func (s *Service) pageTx(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, p Page) ([]Case, error) {
	q, err := newQuery(ctx, tx, who, f)
	if err != nil || q.none {
		return nil, err
	}
	q.down = q.down != p.back
	q.after(p)
	var list []Case
	for _, shape := range q.pages(p.Limit + 1) {
		text, args := shape()
		if list, err = store.All(ctx, tx, scanCase, text, args...); err != nil || len(list) > p.Limit {
			break
		}
	}
	return list, err
}

// Neighbours gives the numbers of the cases before and after a case in the list of f as
// who sees it; "" where the list ends. A case that has left the list is taken by its
// place. Faults: NotFound.
func (s *Service) Neighbours(ctx context.Context, who ident.Actor, f Filter, ref string) (prev, next string, err error) {
	if err := f.check(); err != nil {
		return "", "", err
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		p := Page{Limit: 1}
		p.Key, p.ID = c.Keys(f.Sort)
		for _, to := range []*string{&next, &prev} {
			list, err := s.pageTx(ctx, tx, who, f, p)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				*to = list[0].Number
			}
			p.back = true
		}
		return nil
	})
	return prev, next, err
}

func (s *Service) decorate(ctx context.Context, tx *store.Tx, who ident.Actor, list []Case) error {
	if len(list) == 0 {
		return nil
	}
	ptrs, ids := make([]*Case, len(list)), make([]int64, len(list))
	for i := range list {
		ptrs[i], ids[i] = &list[i], list[i].ID
	}
	if err := fillOrgs(ctx, tx, ptrs); err != nil {
		return err
	}
	clocks, err := deadline.NearestTx(ctx, tx, "case", ids)
	if err != nil {
		return err
	}
	counts, err := store.All(ctx, tx, func(sc store.Scanner) (v [3]int64, err error) { err = sc.Scan(&v[0], &v[1], &v[2]); return }, taskCounts(ids))
	if err != nil {
		return err
	}
	for i := range list {
		if k, ok := clocks[list[i].ID]; ok {
			list[i].Clock = &k
		}
		for _, n := range counts {
			if n[0] == list[i].ID {
				list[i].Tasks, list[i].Done = n[1], n[2]
			}
		}
		list[i] = list[i].blank(who)
	}
	return nil
}

// countMost is as far as lists count; beyond it they say "more than".
const countMost = 10_000

// Count counts what List would give; more = there are beyond 10,000 (2,000 with words).
func (s *Service) Count(ctx context.Context, who ident.Actor, f Filter) (n int64, more bool, err error) {
	if err := f.check(); err != nil {
		return 0, false, err
	}
	most := int64(countMost)
	if f.Query != "" { // each hit of a common word is a probe
		most = few
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		q, err := newQuery(ctx, tx, who, f)
		if err != nil || q.none {
			return err
		}
		text, args := q.count(int(most) + 1)
		n, err = store.Int64(ctx, tx, text, args...)
		return err
	})
	if n > most {
		n, more = most, true
	}
	return n, more, err
}

// Export gives every case that the filter finds to each, after begin was told how
// many and under which label: all of one snapshot. What leaves is recorded first.
func (s *Service) Export(ctx context.Context, who ident.Actor, f Filter, begin func(export.Extent) error, each func(Case) error) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := mayRead(who); err != nil {
		return err
	}
	log := func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, "case.export", audit.Thing{Kind: "case"}, map[string]any{"filter": f.Active()})
	}
	return s.d.DB.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error {
		x, err := extent(ctx, tx, who, f)
		if err != nil {
			return err
		}
		if err := begin(x); err != nil {
			return err
		}
		for p := (Page{Limit: 500}); ; {
			list, err := s.pageTx(ctx, tx, who, f, p)
			if err != nil {
				return err
			}
			more := len(list) > p.Limit
			list = list[:min(len(list), p.Limit)]
			if err := s.decorate(ctx, tx, who, list); err != nil {
				return err
			}
			for _, c := range list {
				if err := each(c); err != nil {
					return err
				}
			}
			if !more {
				return nil
			}
			p.Key, p.ID = list[len(list)-1].Keys(f.Sort)
		}
	})
}

// Active names the filters that narrow, without their values.
func (f Filter) Active() []string {
	out := []string{}
	for name, on := range map[string]bool{"state": f.State != "", "lead": f.Lead != 0 || f.Mine || f.NoLead, "severity": f.Severity != "",
		"class": f.Class != "", "org": f.Org != 0, "q": f.Query != "" || f.Number != "", "updated_since": f.UpdatedSince != 0} {
		if on {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Overview is what the shift sees at a glance.
type Overview struct {
	Clocks     []deadline.Clock // running, due within 24 h or late; of cases, tasks, parties and reports
	Mine       []Case
	OpenCases  int64
	Unread     int64
	Unassigned int64
	Now        int64
}

// Overview gathers the shift's page for somebody of the team.
func (s *Service) Overview(ctx context.Context, who ident.Actor) (o Overview, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return o, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if o.Now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if o.Clocks, err = deadline.UpcomingTx(ctx, tx, who, o.Now+24*3600*1_000_000); err != nil {
			return err
		}
		if o.Mine, err = s.pageTx(ctx, tx, who, Filter{Mine: true, State: "open"}, Page{Limit: 8}); err != nil {
			return err
		}
		o.Mine = o.Mine[:min(8, len(o.Mine))]
		if err := s.decorate(ctx, tx, who, o.Mine); err != nil {
			return err
		}
		for _, x := range []struct {
			f Filter
			n *int64
		}{{Filter{State: "open"}, &o.OpenCases}, {Filter{State: "open", NoLead: true}, &o.Unassigned}} {
			q, err := newQuery(ctx, tx, who, x.f)
			if err != nil {
				return err
			}
			text, args := q.count(1000)
			if *x.n, err = store.Int64(ctx, tx, text, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return o, err
	}
	o.Unread, err = s.d.Threads.Unread(ctx, who)
	return o, err
}
